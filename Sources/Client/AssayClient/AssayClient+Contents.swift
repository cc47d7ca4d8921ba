package import APIProtocol
package import AssayDomain

extension AssayClient {
    /// A part of the places where content of a digest is.
    package func places(
        of digest: Digest, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<ContentPlace> {
        let list: ListResponse<ContentPlace> = try await get("/contents/\(digest)", ["after": after, "limit": limit])
        for place in list.items where place.role == .manifest {
            try AnswerCheck.demand(
                place.manifestDigest == digest, asked: "\(digest)", answered: "\(place.manifestDigest)")
        }
        return list
    }

    /// A part of the aliases of all repositories.
    package func allAliases(after: String? = nil, limit: Int? = nil) async throws -> ListResponse<Alias> {
        try await get("/aliases", ["after": after, "limit": limit])
    }

    /// A policy that protects an alias or once did, compared with its digest.
    package func policy(_ digest: Digest, of alias: Reference) async throws -> PolicyResponse {
        let response: PolicyResponse = try await get("/policies/\(alias)", ["digest": digest])
        try response.check(answers: alias)
        try AnswerCheck.demand(response.digest == digest, asked: "\(digest)", answered: "\(response.digest)")
        return response
    }
}
