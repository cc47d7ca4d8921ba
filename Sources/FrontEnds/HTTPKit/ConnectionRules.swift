import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Two rules of RFC 9110 that belong to a connection rather than to a route.
///
/// Clients that wait for it are told to go on and send their body (section 10.1.1): curl waits before each large
/// upload. That goes out before a route has looked at the request; what it refuses is refused after the body began, as
/// the RFC allows. And after an answer that says `Connection: close`, the connection is closed.
final class ConnectionRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var isClosing = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.headerFields[.expect]?.lowercased() == "100-continue" {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.headerFields[.connection] == "close":
            isClosing = true
            context.write(data, promise: promise)
        case .end where isClosing:
            context.writeAndFlush(data, promise: promise)
            context.close(promise: nil)
        case .head, .body, .end:
            context.write(data, promise: promise)
        }
    }
}
