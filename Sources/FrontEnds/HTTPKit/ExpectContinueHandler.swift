import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Tells clients that wait for it to go on and send their body (RFC 9110, section 10.1.1).
///
/// curl waits for this before each large upload. The answer goes out before a route has looked at the request: what a
/// route refuses is refused after the body began, as the RFC allows.
final class ExpectContinueHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundOut = HTTPResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.headerFields[.expect]?.lowercased() == "100-continue" {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        context.fireChannelRead(data)
    }
}
