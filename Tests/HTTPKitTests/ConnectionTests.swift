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

    @Test func `a body that begins late in an old window has a whole one of its own`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        try channel.writeInbound(HTTPRequestPart.end(nil))
        loop.advanceTime(by: .seconds(59))
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        loop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
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

    @Test func `a body that is kept in memory is cut off if 30 seconds bring less than 30 KiB`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        channel.triggerUserOutboundEvent(BodyEvent.isKeptInMemory, promise: nil)
        for _ in 0..<30 {
            try receive(1100)
            loop.advanceTime(by: .seconds(1))
        }
        #expect(channel.isActive)
        for _ in 0..<29 where channel.isActive {
            try receive(900)
            loop.advanceTime(by: .seconds(1))
        }
        #expect(!channel.isActive)
    }

    @Test func `a body that is there, or answered, needs no pace`() throws {
        try channel.writeInbound(HTTPRequestPart.head(Self.upload))
        channel.triggerUserOutboundEvent(BodyEvent.isKeptInMemory, promise: nil)
        try receive(10)
        try channel.writeInbound(HTTPRequestPart.end(nil))
        loop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
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

struct FramingGuardTests {
    private let framing = FramingGuard()
    private let channel: EmbeddedChannel

    init() throws {
        channel = EmbeddedChannel(handler: framing)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ bytes: Int) throws { try channel.writeInbound(ByteBuffer(repeating: 0, count: bytes)) }

    @Test func `framing without content is cut off and answered`() throws {
        for _ in 0..<4 { try receive(64 << 10) }
        #expect(channel.isActive)
        try receive(1)
        #expect(!channel.isActive)
        #expect(
            try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }?.hasPrefix("HTTP/1.1 400") == true)
    }

    @Test func `content and the end of a message make room for more`() throws {
        for _ in 0..<10 {
            try receive(200 << 10)
            framing.took(contentBytes: 100 << 10)
        }
        try receive(200 << 10)
        framing.took()
        try receive(200 << 10)
        #expect(channel.isActive)
    }
}
