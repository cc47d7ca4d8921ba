import NIOCore

/// Runs tasks on the thread of an event loop.
///
/// A connection's requests are answered on the loop that reads and writes its bytes, so that an answer which needs
/// nothing from elsewhere never changes threads. Nothing may block there: whoever waits for a disk goes to a thread of
/// its own.
final class EventLoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
