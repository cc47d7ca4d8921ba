package import AssayDomain
package import AssayRegistry
package import HTTPKit
import HTTPTypes
package import Hummingbird

/// The audit log as monitors and mirrors read it: C2SP tlog-tiles below the prefix `/log`.
package struct LogRoutes: FrontEnd {
    private let registry: Registry

    package init(registry: Registry) { self.registry = registry }

    package var prefixes: [String] { ["/log/"] }
    package var takesEncodedSlashes: Bool { true }

    package var routes: [Route] {
        [
            Route(.get, "/log/checkpoint", .read, isQuick: true, getCheckpoint),
            Route(.get, "/log/tile/{path...}", .read, getTile),
        ]
    }

    package func response(to error: AssayError, requestID: String) -> Response {
        ProblemForm.response(to: error, requestID: requestID)
    }

    @Sendable private func getCheckpoint(_ call: Call) async throws -> Response {
        Self.text(registry.audit.checkpoint)
    }

    /// A tile never changes, and neither does a partial one under its width.
    @Sendable private func getTile(_ call: Call) async throws -> Response {
        let tile = try await registry.audit.tile(try call.capture("path"))
        return Response(
            status: .ok,
            headers: [.contentType: MediaType.octetStream, .cacheControl: "max-age=31536000, immutable"],
            body: .init(byteBuffer: .init(bytes: tile)))
    }

    /// A text that says how things are now.
    static func text(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-cache"],
            body: .init(byteBuffer: .init(bytes: bytes)))
    }
}
