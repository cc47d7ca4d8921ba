package import AssayDomain
package import AssayRegistry
package import HTTPKit
import HTTPTypes
package import Hummingbird

/// What monitors ask: whether the server lives, whether it takes work, and how it does.
package struct ServiceRoutes: FrontEnd {
    private let registry: Registry
    private let metrics: PrometheusMetrics

    package init(registry: Registry, metrics: PrometheusMetrics) {
        self.registry = registry
        self.metrics = metrics
    }

    package var prefixes: [String] { ["/healthz", "/readyz", "/metrics"] }

    package var routes: [Route] {
        [
            Route(.get, "/healthz", .none) { _ in Self.text("ok\n") },
            Route(.get, "/readyz", .none, ready),
            Route(.get, "/metrics", .none) { _ in
                Self.text(metrics.text, type: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }

    @Sendable private func ready(_ call: Call) async throws -> Response {
        guard registry.isWritable else {
            return Self.text("the store takes no writes: the disk failed\n", status: .serviceUnavailable)
        }
        return Self.text("ready\n")
    }

    package func response(to error: AssayError, requestID: String) -> Response {
        ProblemForm.response(to: error, requestID: requestID)
    }

    private static func text(
        _ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: .init(string: text)))
    }
}
