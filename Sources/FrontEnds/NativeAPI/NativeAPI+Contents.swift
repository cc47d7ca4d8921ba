import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    var contentRoutes: [Route] { [Route(.get, "/api/v1/contents/{digest}", .read, listContents)] }

    @Sendable private func listContents(_ call: Call) async throws -> Response {
        let page = try await registry.find(
            try Digest(parsing: try call.capture("digest")), after: call.query["after"],
            limit: try Self.limit(of: call))
        return try .message(ListResponse(items: page.items, next: page.next))
    }
}
