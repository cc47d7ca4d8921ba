import APIProtocol
import AssayDomain
package import AssayRegistry
package import HTTPKit
import HTTPTypes
import Hummingbird

/// Our own protocol under /api/v1, described by schema/openapi/assay-v1.yaml.
package struct NativeAPI: FrontEnd {
    let registry: Registry
    private let allowsDeletes: Bool

    /// Without deletes the route that deletes versions is not there.
    package init(registry: Registry, allowsDeletes: Bool) {
        self.registry = registry
        self.allowsDeletes = allowsDeletes
    }

    /// The document that describes these routes, as it lies in schema/openapi.
    package static let openAPI = PackageResources.assay_v1_yaml

    package var prefixes: [String] { ["/api/v1/"] }
    package var takesEncodedSlashes: Bool { true }

    package var routes: [Route] {
        [
            Route(.get, "/api/v1/openapi.yaml", .none, getOpenAPI),
            Route(.get, "/api/v1/limits", .read, getLimits),
            // Repositories
            Route(.get, "/api/v1/repositories", .read, listRepositories),
            Route(.post, "/api/v1/repositories", .push, createRepository),
            Route(.get, "/api/v1/repositories/{repository...}", .read, getRepository),
            // Versions
            Route(.get, "/api/v1/versions", .read, listVersions),
            Route(.post, "/api/v1/versions", .push, publish),
            Route(.get, "/api/v1/versions/{reference...}", .read, isQuick: true, getVersion),
            Route(.patch, "/api/v1/versions/{reference...}", .push, annotate),
            Route(.get, "/api/v1/search", .read, search),
            // Aliases
            Route(.get, "/api/v1/aliases", .read, listAliases),
            Route(.get, "/api/v1/aliases/{reference...}", .read, getAlias),
            Route(.put, "/api/v1/aliases/{reference...}", .push, moveAlias),
            Route(.delete, "/api/v1/aliases/{reference...}", .push, removeAlias),
            Route(.get, "/api/v1/alias-moves", .read, listAliasMoves),
            // Policies
            Route(.get, "/api/v1/policies", .read, listPolicies),
            Route(.get, "/api/v1/policies/{reference...}", .read, getPolicy),
            Route(.put, "/api/v1/policies/{reference...}", .admin, setPolicy),
            Route(.delete, "/api/v1/policies/{reference...}", .admin, removePolicy),
            // Evidence
            Route(.post, "/api/v1/verifications", .verify, startVerification),
            Route(.get, "/api/v1/verifications", .read, listVerifications),
            Route(.get, "/api/v1/verifications/{id}", .read, getVerification),
            Route(.get, "/api/v1/verifications/{id}/report", .read, getReport),
            Route(.post, "/api/v1/promotions", .promote, promote),
            Route(.post, "/api/v1/rollbacks", .promote, rollBack),
            Route(.post, "/api/v1/withdrawals", .promote, withdraw),
            Route(.get, "/api/v1/selections/{repository...}", .read, select),
            Route(.post, "/api/v1/policy-checks", .read, checkPolicy),
            Route(.get, "/api/v1/attestations", .read, listAttestations),
            Route(.post, "/api/v1/attestations", .push, attest),
            Route(.get, "/api/v1/bills/{reference...}", .read, getBill),
            Route(.get, "/api/v1/inspections/{reference...}", .read, listInspections),
            Route(.post, "/api/v1/seals", .push, seal),
            Route(.get, "/api/v1/lineage/{reference...}", .read, getLineage),
            // Trust and upkeep
            Route(.get, "/api/v1/keys", .read, listKeys),
            Route(.post, "/api/v1/keys", .admin, trustKey),
            Route(.patch, "/api/v1/keys/{id}", .admin, limitKey),
            Route(.delete, "/api/v1/keys/{id}", .admin, revokeKey),
            Route(.post, "/api/v1/key-rotations", .admin, rotateKey),
            Route(.get, "/api/v1/garbage", .admin, getGarbage),
            Route(.delete, "/api/v1/uploads", .admin, dropUploads),
        ] + contentRoutes + jobRoutes + auditRoutes + (allowsDeletes ? deleteRoutes : [])
    }

    @Sendable private func getOpenAPI(_ call: Call) async throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/yaml"],
            body: .init(byteBuffer: .init(bytes: Self.openAPI)))
    }
}

extension Response {
    /// A message as JSON.
    static func message(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        Response(
            status: status, headers: [.contentType: MediaType.json],
            body: .init(byteBuffer: .init(bytes: try JSON.encode(value))))
    }
}
