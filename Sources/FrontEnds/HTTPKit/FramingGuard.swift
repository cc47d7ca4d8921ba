import NIOCore

/// Closes a connection that sends much more framing than content: chunk extensions or trailers without an end.
///
/// The parser reads past chunk extensions without keeping them, so they cost no memory, but a client could send them
/// for ever without a body ever growing. This handler stands before the parser and counts what comes in; `StallGuard`,
/// behind it, tells of the content that came out.
final class FramingGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What may come in without any content, in bytes: more than the largest head.
    static let overheadBytesMax = 256 << 10
    /// Chunks of one byte carry five bytes of framing each; nobody needs more than this.
    private static let overheadPerByteMax = 16

    private var overhead = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        overhead += unwrapInboundIn(data).readableBytes
        // The parser and all behind it run within this call, so the content of these bytes is told of when it returns.
        context.fireChannelRead(data)
        guard overhead > Self.overheadBytesMax else { return }
        let answer = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        context.close(promise: nil)
    }

    /// Content came out of what was read.
    func took(contentBytes: Int) {
        overhead -= min(overhead, contentBytes.multipliedReportingOverflow(by: Self.overheadPerByteMax).partialValue)
    }

    /// A head or the end of a body came out, and nothing of it is left.
    func took() { overhead = 0 }
}
