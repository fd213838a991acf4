package org.junit.jupiter.api;

public abstract class Assertions {
    public static native void assertEquals(int expected, int actual, String message);

    public static native void assertEquals(Object expected, Object actual);

    public static native void assertTrue(boolean condition, String message);
}
