package import HummingbirdCore
package import Logging
package import NIOCore

/// How connections are set up: limits, timeouts and read sizes for large bodies.
package struct HTTPConnections: ServerChildChannel {
    /// The largest read from a socket: large blobs arrive in few pieces.
    private static let readBytesMax = 256 << 10
    /// Above the longest address, so that one over its limit gets its own answer.
    private static let headerBytesMax = 128 << 10
    private static let headersMax = 100
    /// A connection on which nothing moves for so long is closed.
    private static let idleTimeout = TimeAmount.seconds(120)

    private let http1: HTTP1Channel

    /// The server builder that an `Application` takes.
    package static var builder: HTTPServerBuilder {
        HTTPServerBuilder { responder in HTTPConnections(responder: responder) }
    }

    private init(responder: @escaping HTTPChannelHandler.Responder) {
        http1 = HTTP1Channel(
            responder: responder,
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionRules(), StallGuard()], idleTimeout: Self.idleTimeout,
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: Self.headerBytesMax, maxHeaderListSize: Self.headerBytesMax,
                    maxHeaderFieldCount: Self.headersMax)))
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        let gate = NIOLoopBound(ReadGate(), eventLoop: channel.eventLoop)
        let framing = NIOLoopBound(FramingGuard(), eventLoop: channel.eventLoop)
        return channel.eventLoop.makeCompletedFuture {
            try channel.syncOptions?.setOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 16 << 10, maximum: Self.readBytesMax))
            try channel.pipeline.syncOperations.addHandlers(gate.value, framing.value)
        }.flatMap {
            http1.setup(channel: channel, logger: logger)
        }.flatMapThrowing { value in
            try channel.pipeline.syncOperations.handler(type: StallGuard.self).framing = framing.value
            try channel.pipeline.syncOperations.handler(type: ConnectionRules.self).gate = gate.value
            return value
        }
    }

    package func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
            await http1.handle(value: value, logger: logger)
        }
    }
}
