package org.testcontainers.utility;

public abstract class DockerImageName {
    public static native DockerImageName parse(String fullImageName);
}
