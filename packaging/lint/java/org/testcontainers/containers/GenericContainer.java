package org.testcontainers.containers;

import org.testcontainers.containers.wait.strategy.WaitStrategy;
import org.testcontainers.utility.DockerImageName;

public class GenericContainer<SELF extends GenericContainer<SELF>> {
    public GenericContainer(DockerImageName image) {}

    public native SELF withEnv(String key, String value);

    public native SELF withExtraHost(String hostname, String ipAddress);

    public native SELF withExposedPorts(Integer... ports);

    public native SELF waitingFor(WaitStrategy strategy);

    public native void start();

    public native void stop();

    public native String getHost();

    public native Integer getMappedPort(int originalPort);
}
