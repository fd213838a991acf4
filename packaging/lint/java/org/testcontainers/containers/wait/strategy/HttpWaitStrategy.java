package org.testcontainers.containers.wait.strategy;

public abstract class HttpWaitStrategy implements WaitStrategy {
    public abstract HttpWaitStrategy forPort(int port);
}
