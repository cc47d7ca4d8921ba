import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Rules that belong to a connection rather than to a route, two of them of RFC 9110.
///
/// Clients that wait for it are told to go on and send their body (section 10.1.1): curl waits before each large
/// upload. That goes out as soon as the answers before it are out, and before a route has looked at the request; what
/// it refuses is refused after the body began, as the RFC allows. And after an answer that says `Connection: close`,
/// the connection is closed. The head of an answer waits for the first piece of its body, which is about to come, so
/// that the two go out together.
final class ConnectionRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Requests whose answer is not out yet.
    private var unanswered = 0
    /// Whether the newest request waits to be told to go on.
    private var isWaiting = false
    private var isClosing = false
    /// Whether a head was written and its body was not begun.
    private var isHoldingHead = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            unanswered += 1
            isWaiting = head.headerFields[.expect]?.lowercased() == "100-continue"
            tellToGoOn(context)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            // The final answer makes going on pointless.
            if unanswered == 1 { isWaiting = false }
            isClosing = head.headerFields[.connection] == "close"
            isHoldingHead = true
            context.write(data, promise: promise)
        case .body:
            isHoldingHead = false
            context.write(data, promise: promise)
        case .end:
            isHoldingHead = false
            unanswered -= 1
            if isClosing {
                context.writeAndFlush(data, promise: promise)
                context.close(promise: nil)
            } else {
                context.write(data, promise: promise)
                tellToGoOn(context)
            }
        }
    }

    func flush(context: ChannelHandlerContext) {
        if !isHoldingHead { context.flush() }
    }

    private func tellToGoOn(_ context: ChannelHandlerContext) {
        guard isWaiting, unanswered == 1 else { return }
        isWaiting = false
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }
}
