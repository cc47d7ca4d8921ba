/// A public key in the trust root, and what it may sign.
package struct TrustedKey: Sendable, Hashable, Codable {
    package enum Role: String, Sendable, Hashable, Codable, CaseIterable {
        /// Signs versions on push.
        case release
        /// Signs verification reports and verdicts: the registry itself.
        case registry
    }

    /// Lower-case hex SHA-256 of the PEM text: the hint of OpenSSF Model Signing v1.0.
    package let id: String
    package let name: String
    /// SubjectPublicKeyInfo as PEM.
    package let pem: String
    package let role: Role
    package let addedAt: Timestamp
    package let revokedAt: Timestamp?

    package init(id: String, name: String, pem: String, role: Role, addedAt: Timestamp, revokedAt: Timestamp? = nil) {
        self.id = id
        self.name = name
        self.pem = pem
        self.role = role
        self.addedAt = addedAt
        self.revokedAt = revokedAt
    }
}
