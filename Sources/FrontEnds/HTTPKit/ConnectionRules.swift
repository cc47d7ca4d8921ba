import Foundation
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// What somebody does with the body of the request that is being answered; told to its connection.
enum BodyEvent: Sendable, Equatable {
    /// It is about to be read.
    case isWanted
    /// It is about to be read, and kept in memory as a whole.
    case isKeptInMemory
}

/// Rules that belong to a connection rather than to a route.
///
/// A body is read from when a route wants it, and not before: only then are clients told to go on that wait for it
/// (RFC 9110, section 10.1.1; curl waits before each large upload). So what is refused for its sender, its route or
/// its size is refused before a byte of its body was asked for. An answer that goes out while its request's body is
/// still to come ends the connection, unless the rest is small (`UnreadBody`), and so does one to a request that asked
/// for it, or that adds to much which nobody wanted (`UnwantedBytes`). The head of an answer waits for the first piece
/// of its body, which is about to come, so that the two go out together.
final class ConnectionRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Stands before the parser and does what is decided here.
    var gate: ReadGate?

    /// Requests whose answer is not out yet.
    private var unanswered = 0
    /// The body of the newest request.
    private var body = UnreadBody()
    private var unwanted = UnwantedBytes()
    /// Whether the newest request is the last one by its own word.
    private var isLast = false
    /// Whether what came in is no HTTP, so that nothing behind it can be read.
    private var isBroken = false
    private var isClosing = false
    /// Whether a head was written and its body was not begun.
    private var isHoldingHead = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            unwanted.begin()
            body = UnreadBody(of: head)
            isLast = Self.saysClose(head.headerFields)
            if !body.isWhole { gate?.hold() }
        case .body(let buffer):
            body.took(bytes: buffer.readableBytes)
            unwanted.took(bytes: buffer.readableBytes)
        case .end:
            body.end()
            gate?.open()
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isBroken = true
        gate?.hold()
        context.fireErrorCaught(error)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyEvent else { return context.triggerUserOutboundEvent(event, promise: promise) }
        unwanted.want()
        // Where a newer request stands behind it, the body that is wanted is there already.
        if unanswered == 1, !isBroken {
            if body.takeGoingOn() {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            gate?.open()
        }
        promise?.succeed(())
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            let isOnly = unanswered == 1
            if isOnly && (isLast || !body.isWorthReading) || !unwanted.areFew {
                head.headerFields[.connection] = "close"
            }
            isClosing = Self.saysClose(head.headerFields)
            isHoldingHead = true
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            isHoldingHead = false
            context.write(data, promise: promise)
        case .end:
            isHoldingHead = false
            unanswered = max(0, unanswered - 1)
            unwanted.end()
            if isClosing {
                context.writeAndFlush(data, promise: promise)
                end(context)
            } else {
                context.write(data, promise: promise)
                if unanswered == 0 { gate?.open() }
            }
        }
    }

    func flush(context: ChannelHandlerContext) {
        if !isHoldingHead { context.flush() }
    }

    /// Ends the connection behind the last answer; a peer that still sends must find it before the end.
    private func end(_ context: ChannelHandlerContext) {
        if let gate, isBroken || !body.isWhole { gate.drain() } else { context.close(promise: nil) }
    }

    private static func saysClose(_ fields: HTTPFields) -> Bool {
        fields[.connection]?.lowercased().split(separator: ",")
            .contains { $0.trimmingCharacters(in: .whitespaces) == "close" } ?? false
    }
}
