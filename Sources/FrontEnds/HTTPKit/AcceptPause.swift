package import NIOCore

/// Stops accepting connections for a moment when the system has no more to give: handles, memory.
///
/// What waits in the queue of a socket keeps it readable, so a server that only tries again tries all the time:
/// SwiftNIO waits before its next read, but keeps asking for the event (`AcceptBackoffHandler`, swift-nio 2.101.2).
package final class AcceptPause: ChannelInboundHandler {
    package typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)

    private var isPausing = false

    /// Adds the rule to a channel that listens.
    package static func add(to channel: any Channel) async throws {
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(AcceptPause(), position: .first)
        }.get()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is IOError, !isPausing {
            isPausing = true
            setAccepting(false, context)
            context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
                self.isPausing = false
                self.setAccepting(true, context)
            }
        }
        context.fireErrorCaught(error)
    }

    private func setAccepting(_ isAccepting: Bool, _ context: ChannelHandlerContext) {
        // It fails where the channel was closed meanwhile, and then nothing is accepted any more.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isAccepting)
    }
}
