import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    var auditRoutes: [Route] {
        [
            Route(.get, "/api/v1/audit/entries", .read, listAuditEntries),
            Route(.get, "/api/v1/audit/proofs/{index}", .read, getAuditProof),
            Route(.get, "/api/v1/audit/facts", .read, getAuditFacts),
            Route(.get, "/api/v1/audit/faults", .read, listAuditFaults),
        ]
    }

    @Sendable private func listAuditEntries(_ call: Call) async throws -> Response {
        var kind: AuditEntry.Kind?
        if let text = try call.query["kind"] {
            kind = AuditEntry.Kind(rawValue: text)
            guard kind != nil else {
                throw AssayError(
                    .requestInvalid, "kind is \(Printable.quote(text, limit: 20))",
                    remedy: "use \(AuditEntry.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }
        var query = Audit.Query(
            kind: kind, repository: try call.query["repository"].map { try RepositoryName(parsing: $0) },
            before: try call.query.integer("after", in: 0...Int64.max), limit: try Self.limit(of: call))
        query.since = try Self.time("since", in: call)
        query.until = try Self.time("until", in: call)
        query.cause = try Self.cause(in: call)
        query.actor = try call.query["actor"]
        let page = try await registry.audit.entries(query)
        return try .message(
            ListResponse(
                items: page.items.map { AuditEntryResponse(index: $0.index, entry: $0.entry) }, next: page.next))
    }

    /// A reason that no move has would find nothing, and that would be believed.
    private static func cause(in call: Call) throws -> String? {
        guard let text = try call.query["cause"] else { return nil }
        guard AliasMove.Cause(rawValue: text) != nil else {
            throw AssayError(
                .requestInvalid, "cause is \(Printable.quote(text, limit: 20))",
                remedy: "use \(AliasMove.Cause.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return text
    }

    /// A parameter that is a time. Throws `request-invalid`.
    static func time(_ name: String, in call: Call) throws -> Timestamp? {
        guard let text = try call.query[name] else { return nil }
        guard let given = GivenTime(parsing: text) else {
            throw AssayError(
                .requestInvalid, "\(name) is \(Printable.quote(text, limit: 40))",
                remedy: "write it as 2026-11-25T08:00:00Z")
        }
        return given.time
    }

    @Sendable private func getAuditProof(_ call: Call) async throws -> Response {
        let text = try call.capture("index")
        guard let index = Int64(text), index >= 0 else {
            throw AssayError(.requestInvalid, "\(Printable.quote(text, limit: 20)) is no index of an entry")
        }
        return LogRoutes.text(try await registry.audit.proof(of: index))
    }

    @Sendable private func getAuditFacts(_ call: Call) async throws -> Response {
        let first = try call.query.integer("from", in: 0...Int64.max) ?? 0
        let count = try call.query.integer("count", in: 1...Int64(Audit.factsMax)) ?? Int64(Audit.factsMax)
        let hashes = try await registry.audit.factHashes(from: first, count: Int(count))
        return Response(
            status: .ok, headers: [.contentType: MediaType.octetStream], body: .init(byteBuffer: .init(bytes: hashes)))
    }

    @Sendable private func listAuditFaults(_ call: Call) async throws -> Response {
        try .message(ListResponse(items: try await registry.audit.faults()))
    }
}
