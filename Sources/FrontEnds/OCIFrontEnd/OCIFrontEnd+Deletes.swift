import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension OCIFrontEnd {
    var deleteRoutes: [Route] {
        [
            // end-9
            Route(.delete, "/v2/{name...}/manifests/{reference}", .delete, deleteManifest),
            // end-10
            Route(.delete, "/v2/{name...}/blobs/{digest}", .delete, deleteBlob),
        ]
    }

    @Sendable private func deleteManifest(_ call: Call) async throws -> Response {
        let selector = try VersionSelector(parsing: try call.capture("reference"))
        try await registry.delete.manifest(selector, in: try call.repository(), by: call.principal)
        return .empty(.accepted)
    }

    @Sendable private func deleteBlob(_ call: Call) async throws -> Response {
        let digest = try Digest(parsing: try call.capture("digest"))
        try await registry.delete.blob(digest, in: try call.repository(), by: call.principal)
        return .empty(.accepted)
    }
}
