package import AssayDomain

/// Tells who sends a request, and whether that one may do what the route demands: the one permission check.
package struct Authenticate: Sendable {
    package enum Mode: Sendable {
        /// The server can be reached from its own machine only: everyone is local.
        case open
        /// Every request carries the token; the closure compares in constant time.
        case token(matches: @Sendable (String) -> Bool)
    }

    private let mode: Mode
    /// Whether the store can only be read, so that nothing is asked of it but that.
    private let isReadOnly: Bool

    package init(_ mode: Mode, isReadOnly: Bool = false) {
        self.mode = mode
        self.isReadOnly = isReadOnly
    }

    /// Throws `unauthenticated` if a token was sent and is wrong; no token makes the caller anonymous.
    package func principal(token: String?) throws(AssayError) -> Principal {
        guard case .token(let matches) = mode else { return .local }
        guard let token else { return .anonymous }
        guard matches(token) else {
            throw AssayError(.unauthenticated, "the token is not valid", remedy: Self.remedy)
        }
        return .tokenBearer
    }

    /// Throws `unauthenticated` or `permission-denied`.
    package func demand(_ permission: Permission, of principal: Principal) throws(AssayError) {
        guard !principal.permissions.contains(permission) else { return }
        guard principal != .anonymous else {
            throw AssayError(.unauthenticated, "this server wants a token", remedy: Self.remedy)
        }
        throw AssayError(
            .permissionDenied, "this needs the permission '\(permission.rawValue)'",
            remedy: "ask an administrator of the registry for it")
    }

    /// Throws `permission-denied` where the store can only be read and a request would change something.
    package func demandWritable(by permission: Permission, isSafeMethod: Bool) throws(AssayError) {
        guard isReadOnly, !isSafeMethod, permission != .read, permission != .none else { return }
        throw AssayError(
            .permissionDenied, "the store can only be read here",
            reason: "its file system is read-only or full, or its files are not this user's to write",
            remedy: "make room, or use a copy of the store that can be written")
    }

    /// Whether a request may name this host.
    ///
    /// A server that trusts whoever reaches it answers to names of its own machine only: else a page whose name was
    /// pointed here could use the browser of somebody on this machine (DNS rebinding).
    package func accepts(host: String) -> Bool {
        guard case .open = mode else { return true }
        let name = host.hasSuffix("]") ? host[...] : host[..<(host.lastIndex(of: ":") ?? host.endIndex)]
        return ["", "localhost", "[::1]"].contains(name.lowercased())
            || (name.hasPrefix("127.") && name.utf8.allSatisfy { $0.isDecimalDigit || $0 == UInt8(ascii: ".") })
    }

    /// Whether a request that changes something may come from a page of this origin; nil is no page at all.
    package func accepts(origin: String?) -> Bool {
        guard let origin, case .open = mode else { return true }
        // `null` and everything else that is no plain HTTP origin is somebody else's page.
        guard let scheme = ["http://", "https://"].first(where: origin.hasPrefix) else { return false }
        return accepts(host: String(origin.dropFirst(scheme.count)))
    }

    private static let remedy = "send the server's token as Bearer token, or as password with Basic"
}
