import NIOCore
import NIOHTTP1
import NIOPosix

/// A request as it came, perhaps cut.
struct StubRequest: Sendable {
    let method: HTTPMethod
    let uri: String
    let headers: HTTPHeaders
    let body: [UInt8]
}

/// What to answer, and where to cut the connection.
struct StubAnswer: Sendable {
    var status: HTTPResponseStatus = .ok
    var headers: HTTPHeaders = [:]
    var body: [UInt8] = []
    /// Sends only so many bytes of the body and closes the connection.
    var cutAfter: Int?
    /// Whether the client has taken something of a body that is cut; the cut waits for it, for bytes that come together
    /// with the end of their connection may never reach it.
    var isTaken: @Sendable () -> Bool = { true }
    /// Closes the connection without a word.
    var isSilent = false
}

/// Decides what a server does.
protocol StubBehaviour: Sendable {
    /// After how many bytes of its body a request is cut; nil takes all of it.
    func bodyLimit(of head: HTTPRequestHead) -> Int?
    func answer(_ request: StubRequest) -> StubAnswer
}

/// A small HTTP server on loopback for tests of the client.
enum StubServer {
    /// Runs a server for as long as the body runs and gives the body its base URL.
    static func run<Result>(
        _ behaviour: some StubBehaviour, _ body: (String) async throws -> Result
    ) async throws -> Result {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(behaviour))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        do {
            let result = try await body("http://127.0.0.1:\(port)")
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private static let bodyBytesMax = 256 << 20
        private let behaviour: any StubBehaviour
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ behaviour: any StubBehaviour) { self.behaviour = behaviour }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let part):
                guard let head else { return }
                body.append(contentsOf: part.readableBytesView)
                let limit = behaviour.bodyLimit(of: head) ?? Self.bodyBytesMax
                guard body.count >= limit else { return }
                _ = behaviour.answer(request(head, Array(body.prefix(limit))))
                self.head = nil
                context.close(promise: nil)
            case .end:
                guard let head else { return }
                send(behaviour.answer(request(head, body)), to: head, context: context)
            }
        }

        private func request(_ head: HTTPRequestHead, _ body: [UInt8]) -> StubRequest {
            StubRequest(method: head.method, uri: head.uri, headers: head.headers, body: body)
        }

        private func close(_ channel: any Channel, once isTaken: @escaping @Sendable () -> Bool) {
            let end = NIODeadline.now() + .seconds(60)
            channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(5)) { task in
                guard isTaken() || NIODeadline.now() >= end else { return }
                task.cancel()
                channel.close(promise: nil)
            }
        }

        private func send(_ answer: StubAnswer, to request: HTTPRequestHead, context: ChannelHandlerContext) {
            guard !answer.isSilent else { return context.close(promise: nil) }
            var headers = answer.headers
            if !headers.contains(name: "Content-Length"), answer.status != .noContent {
                headers.add(name: "Content-Length", value: "\(answer.body.count)")
            }
            let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            let bytes = answer.cutAfter.map { Array(answer.body.prefix($0)) } ?? answer.body
            if request.method != .HEAD, !bytes.isEmpty {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            }
            guard answer.cutAfter == nil else {
                context.flush()
                return close(context.channel, once: answer.isTaken)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
