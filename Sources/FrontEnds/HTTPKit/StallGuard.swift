import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose peer keeps a request or an answer open and moves next to nothing.
///
/// A body that drips in holds an upload session, and an answer that nobody reads holds an open file. A request that the
/// server works on is no stall: only a body on its way in or out is looked at. What came of an upload stays, so that it
/// can be resumed. A body that is kept in memory must come faster (`BodyPace`).
final class StallGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long a body may be slow before its connection is closed.
    static let window = TimeAmount.seconds(60)
    /// The least that must move in a window, in bytes.
    static let windowBytesMin = 1024

    /// Is told of the content that comes in.
    var framing: FramingGuard?

    private var isReceiving = false
    private var isSending = false
    private var windowStart = NIODeadline.uptimeNanoseconds(0)
    private var windowBytes = 0
    private var timer: Scheduled<Void>?
    /// Of a body that is kept in memory, until it is there or answered.
    private var pace: BodyPace?
    private var paceTimer: Scheduled<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            framing?.took()
            begin(context)
            isReceiving = true
        case .body(let buffer):
            framing?.took(contentBytes: buffer.readableBytes)
            windowBytes += buffer.readableBytes
            pace?.took(bytes: buffer.readableBytes)
        case .end:
            framing?.took()
            isReceiving = false
            endPace()
        }
        context.fireChannelRead(data)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        if let event = event as? BodyEvent, isReceiving {
            // Before it is wanted it is not read, and that is no fault of the peer's.
            startWindow(context)
            if event == .isKeptInMemory, pace == nil {
                pace = BodyPace()
                awaitSecond(context)
            }
        }
        context.triggerUserOutboundEvent(event, promise: promise)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        // Writes come only as fast as the peer reads, because whoever writes waits until the channel is writable.
        case .head:
            begin(context)
            isSending = true
        case .body(let buffer): windowBytes += buffer.readableBytes
        case .end:
            isSending = false
            endPace()
        }
        context.write(data, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        timer?.cancel()
        endPace()
    }

    private func endPace() {
        pace = nil
        paceTimer?.cancel()
        paceTimer = nil
    }

    private func awaitSecond(_ context: ChannelHandlerContext) {
        paceTimer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            self.paceTimer = nil
            guard self.pace?.tick() == false else { return self.pace == nil ? () : self.awaitSecond(context) }
            context.close(promise: nil)
        }
    }

    /// Every body has a whole window before it is looked at. A timer that runs already is left to find that out, so
    /// that small requests one after the other schedule nothing.
    private func begin(_ context: ChannelHandlerContext) {
        guard !isReceiving, !isSending else { return }
        startWindow(context)
        if timer == nil { look(in: Self.window, context) }
    }

    private func startWindow(_ context: ChannelHandlerContext) {
        windowStart = context.eventLoop.now
        windowBytes = 0
    }

    private func look(in time: TimeAmount, _ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.timer = nil
            guard self.isReceiving || self.isSending else { return }
            let rest = self.windowStart + Self.window - context.eventLoop.now
            guard rest <= .zero else { return self.look(in: rest, context) }
            if self.windowBytes < Self.windowBytesMin {
                context.close(promise: nil)
            } else {
                self.startWindow(context)
                self.look(in: Self.window, context)
            }
        }
    }
}
