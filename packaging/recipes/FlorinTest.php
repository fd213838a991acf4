<?php

// Florin in a container for the tests of a PHP program: composer require --dev phpunit/phpunit testcontainers/testcontainers,
// then vendor/bin/phpunit FlorinTest.php. With FLORIN_URL, FLORIN_CLIENT_ID and FLORIN_API_KEY in the environment it takes the
// server that is there. The official SDK takes the same three: $api->Config->BaseUrl, ->ClientId, ->ClientPassword.

declare(strict_types=1);

use PHPUnit\Framework\TestCase;
use Testcontainers\Container\GenericContainer;
use Testcontainers\Wait\WaitForHttp;

final class FlorinTest extends TestCase
{
    private const PORT = 8080;

    private static ?object $container = null;
    private static string $url;
    private static string $clientId;
    private static string $apiKey;

    public static function setUpBeforeClass(): void
    {
        self::$clientId = getenv('FLORIN_CLIENT_ID') ?: 'tests';
        self::$apiKey = getenv('FLORIN_API_KEY') ?: 'a-key-for-these-tests-only';
        if ($url = getenv('FLORIN_URL')) {
            self::$url = $url;
            return;
        }
        self::$container = (new GenericContainer(getenv('FLORIN_IMAGE') ?: 'florin'))
            ->withEnvironment(['FLORIN_FIRST_CLIENT_ID' => self::$clientId, 'FLORIN_FIRST_API_KEY' => self::$apiKey])
            ->withExposedPorts(self::PORT)
            ->withWait((new WaitForHttp(self::PORT))->withPath('/health'))
            ->start();
        self::$url = sprintf('http://%s:%d', self::$container->getHost(), self::$container->getMappedPort(self::PORT));
    }

    public static function tearDownAfterClass(): void
    {
        self::$container?->stop();
    }

    public function testANewWalletIsEmpty(): void
    {
        $user = self::post('/users/natural', [
            'UserCategory' => 'PAYER',
            'TermsAndConditionsAccepted' => true,
            'FirstName' => 'Ada',
            'LastName' => 'Byron',
            'Email' => 'ada@example.com',
        ]);
        $wallet = self::post('/wallets', ['Owners' => [$user['Id']], 'Description' => 'Ada', 'Currency' => 'EUR']);
        self::assertSame(0, $wallet['Balance']['Amount']);
    }

    /** @return array<string, mixed> */
    private static function post(string $path, array $body): array
    {
        $credentials = base64_encode(self::$clientId . ':' . self::$apiKey);
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => ["Authorization: Basic $credentials", 'Content-Type: application/json'],
            'content' => json_encode($body, JSON_THROW_ON_ERROR),
            'ignore_errors' => true,
        ]]);
        $answer = file_get_contents(self::$url . '/v2.01/' . self::$clientId . $path, false, $context);
        self::assertNotFalse($answer, 'Florin cannot be reached at ' . self::$url);
        self::assertStringContainsString(' 200 ', $http_response_header[0], $answer);
        return json_decode($answer, true, flags: JSON_THROW_ON_ERROR);
    }
}
