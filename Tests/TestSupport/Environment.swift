package import AssayDomain
import AssayRegistry
import Foundation
import Synchronization

/// A clock that goes on by one second with each look at it.
package final class SteppingClock: WallClock, SteadyClock {
    private let milliseconds = Mutex<Int64>(1_800_000_000_000)

    package init() {}

    /// Lets time go by.
    package func advance(seconds: Int64) { milliseconds.withLock { $0 += 1000 * seconds } }

    package func now() -> Timestamp {
        milliseconds.withLock { value in
            value += 1000
            return Timestamp(milliseconds: value)
        }
    }
}

/// Ids 1, 2, 3 …
package final class SequentialIDs: IDGenerator {
    private let last = Mutex<UInt64>(0)

    package init() {}

    package func next() -> UInt64 {
        last.withLock { value in
            value += 1
            return value
        }
    }
}

/// A folder of one test, removed with its last user.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("assay-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        // A folder left in the temporary folder harms no test.
        try? FileManager.default.removeItem(atPath: path)
    }
}
