import AssayDomain
package import AssayRegistry
package import HTTPKit
package import HTTPTypes
import Hummingbird
package import HummingbirdTesting
import Logging
import NIOCore

/// Requests to front ends through the router, without a network.
package struct TestServer: Sendable {
    private let application: Application<RouteTable>

    package init(
        _ frontEnds: [any FrontEnd], fallback: any FrontEnd, authenticate: Authenticate = Authenticate(.open),
        bodies: BodyBudget = BodyBudget()
    ) {
        application = Application(
            responder: RouteTable(
                frontEnds, fallback: fallback, authenticate: authenticate, ids: SequentialIDs(), bodies: bodies),
            logger: Logger(label: "test"))
    }

    /// Sends one request and gives the answer.
    package func send(
        _ method: HTTPRequest.Method, _ uri: String, headers: HTTPFields = [:], body: String? = nil
    ) async throws -> TestResponse {
        try await application.test(.router) { client in
            try await client.execute(
                uri: uri, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        }
    }

    /// Sends a JSON document.
    package func send(
        _ method: HTTPRequest.Method, _ uri: String, json: String
    ) async throws -> TestResponse {
        try await send(method, uri, headers: [.contentType: MediaType.json], body: json)
    }
}
