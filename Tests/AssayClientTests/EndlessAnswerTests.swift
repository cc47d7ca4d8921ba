import AssayDomain
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

@testable import AssayClient

/// Answers that never end.
struct EndlessAnswerTests {
    /// The same bytes again and again.
    private struct Endless: AsyncSequence, Sendable {
        struct AsyncIterator: AsyncIteratorProtocol {
            mutating func next() async throws -> ByteBuffer? { ByteBuffer(repeating: 7, count: 1 << 16) }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
    }

    private func code(within time: Duration, bytesMax: Int) async throws -> ErrorCode? {
        let transport = Transport(
            http: .shared, endpoint: try Endpoint(parsing: "http://127.0.0.1:1"), token: nil, retry: .immediate)
        let response = HTTPClientResponse(status: .ok, headers: [:], body: .stream(Endless()))
        let error = await #expect(throws: AssayError.self) {
            try await transport.body(of: response, bytesMax: bytesMax, within: time)
        }
        return error?.code
    }

    @Test func `a body without end is refused for its size`() async throws {
        #expect(try await code(within: .seconds(3_600), bytesMax: 1 << 20) == .bodyTooLarge)
    }

    @Test func `a body that comes too slowly is refused for its time, and not asked for again`() async throws {
        #expect(try await code(within: .zero, bytesMax: .max) == .serverFailed)
        #expect(!ErrorCode.serverFailed.isWorthRetrying)
    }
}
