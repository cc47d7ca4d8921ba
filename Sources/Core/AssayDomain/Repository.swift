/// A named series of versions.
package struct Repository: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case model
        case dataset
    }

    package let name: RepositoryName
    package let kind: Kind
    package let createdAt: Timestamp
    /// How many versions it has.
    package let versionCount: Int64

    package init(name: RepositoryName, kind: Kind, createdAt: Timestamp, versionCount: Int64) {
        self.name = name
        self.kind = kind
        self.createdAt = createdAt
        self.versionCount = versionCount
    }
}
