import NIOCore

/// Decides whether anything is read from a connection: the handler nearest to its socket.
///
/// A body is not read before somebody wants it, so that strangers can make the server read no more than what comes with
/// a head. A connection that ends while its peer still sends is closed in steps: our side is shut, then a little is
/// read and thrown away, so that the peer finds the answer instead of a reset connection; then it is closed whatever
/// comes.
final class ReadGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is read after the last answer, in bytes.
    static let drainBytesMax = 64 << 10
    /// How long a peer may take to end its side after the last answer.
    static let drainTime = TimeAmount.seconds(2)
    /// What is under way when a peer shuts its side comes all at once; beyond this nobody waits for its end.
    private static let surplusBytesMax = 256 << 10

    private enum State {
        case open
        case held
        case draining(bytes: Int)
    }

    private var state = State.open
    private var isReadHeld = false
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        let isReading =
            switch state {
            case .open: true
            case .held: false
            case .draining(let bytes): bytes < Self.drainBytesMax
            }
        if isReading { context.read() } else { isReadHeld = true }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .draining(let bytes) = state else { return context.fireChannelRead(data) }
        let sum = bytes + unwrapInboundIn(data).readableBytes
        state = .draining(bytes: sum)
        if sum > Self.drainBytesMax + Self.surplusBytesMax { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .draining = state, case .inputClosed? = event as? ChannelEvent {
            return context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Reads nothing until `open` or `drain`.
    func hold() {
        if case .open = state { state = .held }
    }

    func open() {
        guard case .held = state else { return }
        state = .open
        goOnReading()
    }

    /// Shuts our side behind what was written, and closes the connection soon.
    func drain() {
        guard let context else { return }
        if case .draining = state { return }
        state = .draining(bytes: 0)
        // One read takes all that is thrown away, or the last one goes that far beyond. A channel that has no such
        // options has no socket that could be flooded.
        try? context.channel.syncOptions?.setOption(
            .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.drainBytesMax))
        try? context.channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.drainTime) {
            self.timer = nil
            context.close(promise: nil)
        }
        context.close(mode: .output, promise: nil)
        goOnReading()
    }

    private func goOnReading() {
        guard isReadHeld, let context else { return }
        isReadHeld = false
        context.read()
    }

    private func stop() {
        timer?.cancel()
        timer = nil
        context = nil
    }
}
