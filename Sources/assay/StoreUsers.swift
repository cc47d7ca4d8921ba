import AssayDomain
import Glibc

/// The commands that work on one store at a time, so that the one whose server they share ends after them.
///
/// Each shares a lock on the store's marker while it works. The one that serves takes the lock for itself alone before
/// it stops: while it cannot, somebody still works; once it has it, whoever comes waits until the store is free again.
final class StoreUsers: Sendable {
    private static let pause = Duration.milliseconds(20)
    /// For how long nobody is told that others are waited for.
    private static let quiet = Duration.seconds(2)

    private let descriptor: Int32?  // owned

    /// Joins the others once nobody is about to stop serving them. Whether there is a store is for others to say.
    static func join(store path: String) async throws -> StoreUsers {
        let users = StoreUsers(marker: "\(path)/\(StoreFolder.markerName)")
        while !users.take(LOCK_SH) { try await Task.sleep(for: pause) }
        return users
    }

    private init(marker: String) {
        let descriptor = open(marker, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        self.descriptor = descriptor >= 0 ? descriptor : nil
    }

    deinit { if let descriptor { close(descriptor) } }

    /// Waits until nobody else works on the store; from then on nobody joins before this value is gone. A cancellation
    /// ends the waiting. `note` is told once, if it takes longer than a moment.
    func waitForOthers(_ note: () -> Void) async {
        let start = ContinuousClock.now
        var isTold = false
        while !take(LOCK_EX) {
            do {
                try await Task.sleep(for: Self.pause)
            } catch {
                return
            }
            if !isTold, ContinuousClock.now - start > Self.quiet {
                note()
                isTold = true
            }
        }
    }

    /// False while others hold the lock in a way that is at odds with this one.
    private func take(_ kind: Int32) -> Bool {
        guard let descriptor else { return true }
        // Where a file system knows no locks, everybody works as if alone.
        return flock(descriptor, kind | LOCK_NB) == 0 || errno != EWOULDBLOCK
    }
}
