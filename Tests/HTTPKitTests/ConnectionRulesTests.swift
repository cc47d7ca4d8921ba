import AssayDomain
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import HTTPKit

struct ConnectionRulesTests {
    private let reads = SocketEnd()
    private let channel: EmbeddedChannel
    private let loop: EmbeddedEventLoop

    init() throws {
        let gate = ReadGate()
        let rules = ConnectionRules()
        rules.gate = gate
        channel = EmbeddedChannel(handlers: [reads, gate, rules])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        loop = channel.embeddedEventLoop
    }

    private static let plain = request(.get)
    private static let goOn = HTTPResponsePart.head(HTTPResponse(status: .continue))

    private static func request(_ method: HTTPRequest.Method, _ fields: HTTPFields = [:]) -> HTTPRequest {
        HTTPRequest(method: method, scheme: "http", authority: "localhost", path: "/v2/", headerFields: fields)
    }

    private static func upload(_ bytes: Int, _ fields: HTTPFields = [:]) -> HTTPRequest {
        var fields = fields
        fields[.contentLength] = "\(bytes)"
        return request(.put, fields)
    }

    private static let waiting = upload(5, [.expect: "100-Continue"])

    /// Writes and flushes, without waiting for either: a head waits for what comes after it.
    private func answer(_ part: HTTPResponsePart) { channel.writeAndFlush(part, promise: nil) }

    private func answerAll(_ status: HTTPResponse.Status = .unauthorized) {
        answer(.head(HTTPResponse(status: status)))
        answer(.end(nil))
        loop.run()
    }

    private func receive(_ part: HTTPRequestPart) throws { try channel.writeInbound(part) }
    private func receive(_ head: HTTPRequest) throws { try receive(.head(head)) }
    private func receive(bytes: Int) throws { try receive(.body(ByteBuffer(repeating: 0, count: bytes))) }

    private func want() { channel.triggerUserOutboundEvent(BodyEvent.isWanted, promise: nil) }

    private func sent() throws -> [HTTPResponsePart] {
        var parts: [HTTPResponsePart] = []
        while let part = try channel.readOutbound(as: HTTPResponsePart.self) { parts.append(part) }
        return parts
    }

    /// Whether the next answer says that it is the last.
    private func saysClose() throws -> Bool {
        try sent().contains {
            if case .head(let head) = $0 { head.headerFields[.connection] == "close" } else { false }
        }
    }

    /// How many reads get through to the socket, of those asked for since the last time.
    private func readsThrough() -> Int {
        channel.read()
        defer { reads.count = 0 }
        return reads.count
    }

    // MARK: Going on

    @Test func `a client that waits is told to go on when its body is wanted, and once`() throws {
        try receive(Self.waiting)
        #expect(try sent().isEmpty)
        want()
        want()
        #expect(try sent() == [Self.goOn])
    }

    @Test func `a client that waits and is refused is not told to go on, and the connection ends`() throws {
        try receive(Self.waiting)
        answerAll()
        #expect(try saysClose())
        want()
        #expect(try sent().isEmpty)
    }

    @Test func `who sends already, and who has nothing to send, is not told to go on`() throws {
        try receive(Self.waiting)
        try receive(bytes: 1)
        want()
        #expect(try sent().isEmpty)
        try receive(.end(nil))
        answerAll(.ok)
        _ = try sent()
        try receive(Self.upload(0, [.expect: "100-continue"]))
        want()
        #expect(try sent().isEmpty)
    }

    @Test func `the body of a request is not wanted by the one before it`() throws {
        try receive(Self.plain)
        try receive(.end(nil))
        try receive(Self.waiting)
        want()
        #expect(try sent().isEmpty)
        #expect(readsThrough() == 0)
        answerAll(.ok)
        want()
        #expect(try sent().last == Self.goOn)
    }

    // MARK: Reading

    @Test func `a body is not read before it is wanted`() throws {
        #expect(readsThrough() == 1)
        try receive(Self.upload(1 << 30))
        #expect(readsThrough() == 0)
        want()
        #expect(reads.count == 1, "the read that was held")
        #expect(readsThrough() == 2)
    }

    @Test func `a body that came with its head holds nothing`() throws {
        try receive(Self.upload(5))
        try receive(bytes: 5)
        try receive(.end(nil))
        #expect(readsThrough() == 1)
    }

    @Test(arguments: [(64 << 10, false), (64 << 10 + 1, true)])
    func `a small rest is read on, more ends the connection`(bytes: Int, closes: Bool) throws {
        try receive(Self.upload(bytes))
        answerAll()
        #expect(try saysClose() == closes)
        if !closes {
            try receive(bytes: bytes)
            try receive(.end(nil))
            try receive(Self.plain)
            try receive(.end(nil))
            answerAll(.ok)
            #expect(try sent().count == 2)
        }
    }

    @Test func `what counts is what is still to come`() throws {
        try receive(Self.upload(1 << 20))
        want()
        try receive(bytes: 1 << 20 - 64 << 10)
        answerAll(.notFound)
        #expect(try !saysClose())
    }

    @Test(arguments: ["chunked", "gzip, chunked"])
    func `nobody knows what is left of chunks, so the connection ends`(coding: String) throws {
        try receive(Self.request(.put, [.transferEncoding: coding]))
        answerAll()
        #expect(try saysClose())
    }

    @Test func `an answer of any status to a body that is still to come ends the connection`() throws {
        try receive(Self.upload(1 << 30))
        answerAll(.ok)
        #expect(try saysClose())
    }

    // MARK: The end

    @Test func `behind the last answer 64 KiB are thrown away, and nothing more is read`() throws {
        try receive(Self.upload(1 << 30))
        #expect(try channel.readInbound(as: HTTPRequestPart.self) != nil)
        answerAll()
        #expect(reads.isShut, "the peer reads the answer and its end")
        #expect(readsThrough() > 0)
        for _ in 0..<4 { try channel.writeInbound(ByteBuffer(repeating: 0, count: 16 << 10)) }
        #expect(channel.isActive, "so that the peer finds the answer")
        #expect(readsThrough() == 0)
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        loop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
    }

    @Test func `a peer that ends its side, or sends what nobody asked for, is left at once`() throws {
        try receive(Self.upload(1 << 30))
        answerAll()
        try channel.writeInbound(ByteBuffer(repeating: 0, count: 1 << 20))
        #expect(!channel.isActive)
    }

    @Test func `a peer that ends its side needs no waiting`() throws {
        try receive(Self.upload(1 << 30))
        answerAll()
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!channel.isActive)
    }

    /// Sends a request with a whole body, and answers it.
    private func exchange(_ bytes: Int, isWanted: Bool = false) throws {
        try receive(Self.upload(bytes))
        if isWanted { want() }
        try receive(bytes: bytes)
        try receive(.end(nil))
        answerAll()
    }

    @Test func `who sends nothing but what is refused gets a new connection after 1 MiB`() throws {
        for _ in 0..<16 { try exchange(64 << 10) }
        #expect(try !saysClose())
        try exchange(1)
        #expect(try saysClose())
        #expect(!channel.isActive)
    }

    @Test func `what comes behind an answer counts, and what was wanted does not`() throws {
        for _ in 0..<40 { try exchange(64 << 10, isWanted: true) }
        #expect(try !saysClose())
        for _ in 0..<16 {
            try receive(Self.upload(64 << 10))
            answerAll()
            try receive(bytes: 64 << 10)
            try receive(.end(nil))
        }
        #expect(try !saysClose())
        try exchange(1)
        #expect(try saysClose())
    }

    @Test func `what is no HTTP is not read on`() throws {
        try receive(Self.plain)
        channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        #expect(readsThrough() == 0)
        want()
        #expect(readsThrough() == 0)
        #expect(throws: (any Error).self) { try channel.throwIfErrorCaught() }
    }

    @Test func `a head goes out with the first piece of its body`() throws {
        try receive(Self.plain)
        answer(.head(HTTPResponse(status: .ok)))
        #expect(try sent().isEmpty)
        answer(.body(ByteBuffer(string: "first")))
        #expect(try sent().count == 2)
        answer(.body(ByteBuffer(string: "second")))
        #expect(try sent().count == 1)
    }

    @Test(arguments: [("close", false), ("keep-alive", true)])
    func `an answer that says so closes the connection`(connection: String, isOpen: Bool) throws {
        try receive(Self.plain)
        try receive(.end(nil))
        answer(.head(HTTPResponse(status: .badRequest, headerFields: [.connection: connection])))
        answer(.end(nil))
        loop.run()
        #expect(channel.isActive == isOpen)
    }

    @Test(arguments: ["close", "Close", "te, close"])
    func `an answer to a request that is the last one closes the connection`(connection: String) throws {
        try receive(Self.request(.get, [.connection: connection]))
        try receive(.end(nil))
        answerAll(.ok)
        #expect(try saysClose())
        #expect(!channel.isActive)
    }
}

/// Where a socket would be: counts the reads that come through, and can have one side shut.
private final class SocketEnd: ChannelOutboundHandler {
    typealias OutboundIn = Any

    var count = 0
    private(set) var isShut = false

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        isShut = true
        promise?.succeed(())
    }
}

struct BodyBudgetTests {
    @Test func `what is over the sum is refused, and what is given back is there again`() throws {
        let budget = BodyBudget(bytesMax: 100)
        let first = BodyShare(of: budget)
        let second = BodyShare(of: budget)
        try first.take(60)
        try first.take(10)
        #expect { try second.take(31) } throws: { ($0 as? AssayError)?.code == .tooManyBodies }
        try second.take(30)
        first.giveBack()
        first.giveBack()
        #expect(budget.takenBytes == 30)
        try second.take(70)
        second.giveBack()
        #expect(budget.takenBytes == 0)
    }
}

struct BodyPaceTests {
    /// Seconds until the pace is too low, if `bytes` come in each of them; nil if it never is.
    private func seconds(of arrivals: [Int]) -> Int? {
        var pace = BodyPace()
        for (second, bytes) in arrivals.enumerated() {
            pace.took(bytes: bytes)
            if !pace.tick() { return second + 1 }
        }
        return nil
    }

    @Test func `1 KiB in each second is enough, a byte less is not`() {
        #expect(seconds(of: [Int](repeating: 1024, count: 500)) == nil)
        #expect(seconds(of: [Int](repeating: 1024, count: 200) + [1023] + [Int](repeating: 1024, count: 40)) == 201)
        #expect(seconds(of: [Int](repeating: 0, count: 100)) == 30)
    }

    @Test func `what came before the last 30 seconds does not count`() {
        #expect(seconds(of: [40 << 20] + [Int](repeating: 1, count: 100)) == 31)
        #expect(seconds(of: [Int](repeating: 0, count: 29) + [30 << 10] + [Int](repeating: 0, count: 60)) == 60)
    }
}
