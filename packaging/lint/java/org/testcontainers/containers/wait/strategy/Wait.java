package org.testcontainers.containers.wait.strategy;

public abstract class Wait {
    public static native HttpWaitStrategy forHttp(String path);
}
