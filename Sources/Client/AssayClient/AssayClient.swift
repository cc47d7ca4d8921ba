import AssayDomain
import AsyncHTTPClient
import NIOCore
import NIOPosix

/// A typed client of one server: a method per route of the native API, and the transport of blobs.
///
/// Every method throws `server-unreachable` if there is no answer, the server's own code if it refuses, and
/// `CancellationError` untouched.
package struct AssayClient: Sendable {
    private static let connectMilliseconds: Int64 = 10_000

    let transport: Transport
    /// The threads on which the client's files are read and written.
    package let files: FileAccess

    /// Lends a client and closes its connections afterwards, whatever happens.
    package static func withClient<Result: Sendable>(
        of endpoint: Endpoint, token: AccessToken? = nil, retry: RetryPolicy = RetryPolicy(),
        _ body: (AssayClient) async throws -> Result
    ) async throws -> Result {
        try await FileAccess.withAccess { files in
            try await withHTTP(retry.patience) { http in
                let transport = Transport(http: http, endpoint: endpoint, token: token, retry: retry)
                return try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await retry.patience.watch(endpoint.shown) }
                    defer { group.cancelAll() }
                    return try await body(AssayClient(transport: transport, files: files))
                }
            }
        }
    }

    static func withHTTP<Result: Sendable>(
        _ patience: Patience = Patience(), _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        let http = HTTPClient(
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration(patience))
        do {
            let result = try await body(http)
            try await http.shutdown()
            return result
        } catch {
            // The failure of the work is the one that counts.
            try? await http.shutdown()
            throw error
        }
    }

    /// Redirects are not followed: a token must not travel to another host.
    private static func configuration(_ patience: Patience) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = min(.milliseconds(connectMilliseconds), patience.silenceAmount)
        configuration.timeout.read = patience.silenceAmount
        configuration.timeout.write = patience.silenceAmount
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.setOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: receiveBytesMin, initial: receiveBytesMin, maximum: receiveBytesMax))
        }
        return configuration
    }

    /// Large reads keep the event loop's share of a download small.
    private static let receiveBytesMin = 16 << 10
    static let receiveBytesMax = 256 << 10
}
