package import AssayBundle
package import AssayCrypto
import AssayDomain
import AssayRegistry
import Synchronization

/// A registry's own key in memory.
package final class TestSigningKeys: SigningKeys {
    package let signer: RegistrySigner
    private let next = Mutex<PrivateKey?>(nil)

    package let logKeyID: String

    package init(_ key: PrivateKey, logKeyID: String) {
        signer = RegistrySigner(key)
        self.logKeyID = logKeyID
    }

    package func makeNext() async throws -> String {
        let key = try PrivateKey.generate()
        next.withLock { $0 = key }
        return key.publicKey.pem
    }

    package func useNext() async throws {
        guard let key = next.withLock({ $0.take() }) else {
            throw AssayError(.storageFailed, "there is no next key")
        }
        signer.replace(by: key)
    }
}
