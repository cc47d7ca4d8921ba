/// A right that a route demands; every route declares exactly one.
package enum Permission: String, Sendable, Hashable, Codable, CaseIterable {
    /// Asked by monitors and by clients before they log in; needs nothing.
    case none
    case read
    case push
    case delete
    case verify
    /// To take jobs and say what they measured.
    case work
    case promote
    case admin
}

/// Who sends a request.
package struct Principal: Sendable, Hashable {
    /// How the alias history and logs name it.
    package let name: String
    package let permissions: Set<Permission>

    package init(name: String, permissions: Set<Permission>) {
        self.name = name
        self.permissions = permissions
    }

    /// Whoever reaches a server that listens on loopback only: everything is allowed.
    package static let local = Principal(name: "local", permissions: Set(Permission.allCases))

    /// The bearer of the one token of `--token-file`.
    package static let tokenBearer = Principal(name: "token", permissions: Set(Permission.allCases))

    /// The registry itself, where nobody asked at that moment.
    package static let registry = Principal(name: "registry", permissions: [])

    /// Whoever sent no token to a server that wants one.
    package static let anonymous = Principal(name: "anonymous", permissions: [.none])
}
