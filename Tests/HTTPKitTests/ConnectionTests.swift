import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import HTTPKit

/// The handlers of a connection, without a network and with a clock that the test moves.
struct StallGuardTests {
    private let channel: EmbeddedChannel
    private let loop: EmbeddedEventLoop

    init() throws {
        channel = EmbeddedChannel(handler: StallGuard())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        loop = channel.embeddedEventLoop
    }

    private static let upload = HTTPRequest(method: .patch, scheme: "http", authority: "localhost", path: "/v2/")

    private func receive(_ bytes: Int) throws {
        try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: bytes)))
    }

    private func send(_ part: HTTPResponsePart) throws { try channel.writeOutbound(part) }

    @Test func `a body that drips in is cut off`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        for _ in 0..<11 {
            loop.advanceTime(by: .seconds(5))
            try receive(1)
        }
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(5))
        #expect(!channel.isActive)
    }

    @Test func `a body that keeps its pace goes on`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        for _ in 0..<10 {
            try receive(2048)
            loop.advanceTime(by: .seconds(50))
        }
        #expect(channel.isActive)
    }

    @Test func `an answer that nobody reads is cut off`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        try channel.writeInbound(HTTPRequestPart.end(nil))
        try send(.head(HTTPResponse(status: .ok)))
        try send(.body(ByteBuffer(repeating: 0, count: 100_000)))
        loop.advanceTime(by: .seconds(61))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive)
    }

    @Test func `a request that the server works on is no stall`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        try channel.writeInbound(HTTPRequestPart.end(nil))
        loop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        try send(.head(HTTPResponse(status: .ok)))
        try send(.end(nil))
        loop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
    }
}

struct ConnectionRulesTests {
    private let channel = EmbeddedChannel(handler: ConnectionRules())

    @Test func `a client that waits for it is told to go on`() throws {
        var request = HTTPRequest(method: .put, scheme: "http", authority: "localhost", path: "/v2/")
        try channel.writeInbound(HTTPRequestPart.head(request))
        #expect(try channel.readOutbound(as: HTTPResponsePart.self) == nil)
        request.headerFields[.expect] = "100-Continue"
        try channel.writeInbound(HTTPRequestPart.head(request))
        #expect(try channel.readOutbound(as: HTTPResponsePart.self) == .head(HTTPResponse(status: .continue)))
    }

    @Test(arguments: [("close", false), ("keep-alive", true)])
    func `an answer that says so closes the connection`(connection: String, isOpen: Bool) throws {
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeOutbound(
            HTTPResponsePart.head(HTTPResponse(status: .badRequest, headerFields: [.connection: connection])))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
        channel.embeddedEventLoop.run()
        #expect(channel.isActive == isOpen)
    }
}
