import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    var deleteRoutes: [Route] {
        [Route(.delete, "/api/v1/versions/{reference...}", .delete, deleteVersion)]
    }

    @Sendable private func deleteVersion(_ call: Call) async throws -> Response {
        try await registry.delete.version(try call.reference(), by: call.principal)
        return Response(status: .noContent)
    }
}
