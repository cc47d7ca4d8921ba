import AssayDomain
import Synchronization

/// The registry's notion of now: what the clock says, but never earlier than before, and never before the last entry
/// of the audit log. So a key or a waiver that ended does not count again because a clock was set back.
final class RegistryClock: WallClock {
    private let clock: any WallClock
    private let latest: Mutex<Timestamp>

    init(_ clock: any WallClock, notBefore: Timestamp) {
        self.clock = clock
        latest = Mutex(notBefore)
    }

    func now() -> Timestamp {
        let now = clock.now()
        return latest.withLock { latest in
            latest = max(latest, now)
            return latest
        }
    }
}
