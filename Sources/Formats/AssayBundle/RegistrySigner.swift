package import AssayCrypto
import Synchronization

/// The key that a registry signs statements with; it can be replaced while the registry runs.
package final class RegistrySigner: Sendable {
    private let current: Mutex<PrivateKey>

    package init(_ key: PrivateKey) { current = Mutex(key) }

    /// The key that signs now.
    package var key: PrivateKey { current.withLock { $0 } }

    /// Signs with another key from now on.
    package func replace(by key: PrivateKey) { current.withLock { $0 = key } }
}
