package import AssayDomain
package import HTTPTypes
package import Hummingbird

/// One thing that a front end answers, with the permission that it demands.
package struct Route: Sendable {
    package let method: HTTPRequest.Method
    package let pattern: RoutePattern
    package let permission: Permission
    /// Whether its handler computes so little that the connection's own thread runs it.
    package let isQuick: Bool
    package let handler: @Sendable (Call) async throws -> Response

    package init(
        _ method: HTTPRequest.Method, _ pattern: String, _ permission: Permission, isQuick: Bool = false,
        _ handler: @escaping @Sendable (Call) async throws -> Response
    ) {
        self.method = method
        self.pattern = RoutePattern(pattern)
        self.permission = permission
        self.isQuick = isQuick
        self.handler = handler
    }
}

/// A protocol that the server speaks: its routes, and the form of its errors.
package protocol FrontEnd: Sendable {
    /// The paths that it owns: those that start with one of these.
    var prefixes: [String] { get }
    var routes: [Route] { get }
    /// Whether `%2F` in a captured name is a slash, as generated clients write it; otherwise such a name is refused.
    var takesEncodedSlashes: Bool { get }

    /// The one place where an error of this protocol gets its status and form.
    func response(to error: AssayError, requestID: String) -> Response
}

extension FrontEnd {
    package var takesEncodedSlashes: Bool { false }
}
