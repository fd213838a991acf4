// Florin in a container for the tests of a Java program (11 or newer). Dependencies of the tests: org.testcontainers:junit-jupiter
// and org.junit.jupiter:junit-jupiter. With FLORIN_URL, FLORIN_CLIENT_ID and FLORIN_API_KEY in the environment it takes the
// server that is there. The official SDK takes the same three: api.getConfig().setBaseUrl(…), setClientId(…), setClientPassword(…).

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

class FlorinTest {
    private static final int PORT = 8080;
    private static final String CLIENT_ID = setting("FLORIN_CLIENT_ID", "tests");
    private static final String API_KEY = setting("FLORIN_API_KEY", "a-key-for-these-tests-only");

    private static GenericContainer<?> container;
    private static String url = setting("FLORIN_URL", "");

    @BeforeAll
    static void start() {
        if (!url.isEmpty()) {
            return;
        }
        container = new GenericContainer<>(DockerImageName.parse(setting("FLORIN_IMAGE", "florin")))
                .withEnv("FLORIN_FIRST_CLIENT_ID", CLIENT_ID)
                .withEnv("FLORIN_FIRST_API_KEY", API_KEY)
                // Webhooks reach these tests at http://host.docker.internal:PORT.
                .withExtraHost("host.docker.internal", "host-gateway")
                .withExposedPorts(PORT)
                .waitingFor(Wait.forHttp("/health").forPort(PORT));
        container.start();
        url = "http://" + container.getHost() + ":" + container.getMappedPort(PORT);
    }

    @AfterAll
    static void stop() {
        if (container != null) {
            container.stop();
        }
    }

    @Test
    void aNewWalletIsEmpty() throws Exception {
        String user = post("/users/natural", "{\"UserCategory\":\"PAYER\",\"TermsAndConditionsAccepted\":true,"
                + "\"FirstName\":\"Ada\",\"LastName\":\"Byron\",\"Email\":\"ada@example.com\"}");
        String wallet = post("/wallets", "{\"Owners\":[\"" + field(user, "Id") + "\"],\"Description\":\"Ada\",\"Currency\":\"EUR\"}");
        assertEquals("0", field(wallet, "Amount"));
    }

    private static String post(String path, String body) throws IOException, InterruptedException {
        String credentials = Base64.getEncoder().encodeToString((CLIENT_ID + ":" + API_KEY).getBytes(StandardCharsets.UTF_8));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v2.01/" + CLIENT_ID + path))
                .header("Authorization", "Basic " + credentials)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer.body());
        return answer.body();
    }

    /** A field of an answer, without a library for JSON. */
    private static String field(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\"?([^\",}]*)").matcher(json);
        assertTrue(found.find(), json);
        return found.group(1);
    }

    private static String setting(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
