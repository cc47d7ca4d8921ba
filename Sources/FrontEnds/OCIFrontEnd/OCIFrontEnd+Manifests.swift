import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension OCIFrontEnd {
    @Sendable func getManifest(_ call: Call) async throws -> Response {
        let selector = try VersionSelector(parsing: try call.capture("reference"))
        let manifest = try await registry.catalog.manifest(selector, in: try call.repository())
        let isFixed = if case .digest = selector { true } else { false }
        let headers = Caching.headers(of: manifest.digest, isFixed: isFixed)
        if Caching.isKnown(manifest.digest, to: call.request) { return .notModified(headers) }
        return Response(
            status: .ok, headers: headers.adding(.contentType, MediaType.served(manifest.mediaType)),
            body: .init(byteBuffer: .init(bytes: manifest.bytes)))
    }

    @Sendable func putManifest(_ call: Call) async throws -> Response {
        let repository = try call.repository()
        let selector = try VersionSelector(parsing: try call.capture("reference"))
        var request = Publish.Request(
            repository: repository, manifest: try await call.jsonBytes(upTo: registry.publish.manifestBytesMax),
            mediaType: call.request.mediaType, intent: .content)
        switch selector {
        case .digest(let digest): request.expectedDigest = digest
        case .tag(let tag): request.intent = .version(tag)
        }
        let outcome = try await registry.publish(request, by: call.principal)
        var headers: HTTPFields = [
            .location: "/v2/\(repository)/manifests/\(selector)",
            .dockerContentDigest: "\(outcome.manifest.digest)",
        ]
        if let subject = outcome.manifest.subject { headers[.ociSubject] = "\(subject.digest)" }
        if let version = outcome.version { headers[.assayVersion] = "\(version.number)" }
        return .empty(.created, headers: headers)
    }

    private struct TagList: Encodable {
        let name: String
        let tags: [String]
    }

    @Sendable func listTags(_ call: Call) async throws -> Response {
        let repository = try call.repository()
        let limit = try pageSize(of: call)
        let page = try await registry.catalog.tags(in: repository, after: call.query["last"], limit: limit)
        let body = try JSON.encode(TagList(name: repository.text, tags: page.items))
        let headers = Self.link(to: page.next.map { "/v2/\(repository)/tags/list?n=\(limit)&last=\($0)" })
        return .json(String(decoding: body, as: UTF8.self), headers: headers)
    }

    /// How many entries of a list are asked for; no more than a page holds.
    private func pageSize(of call: Call) throws(AssayError) -> Int {
        let asked = try call.query.integer("n", in: 0...Int64.max)
        return Int(min(asked ?? Int64(Catalog.pageMax), Int64(Catalog.pageMax)))
    }

    /// Where the next page of a list is, if there is one (RFC 8288).
    private static func link(to next: String?) -> HTTPFields {
        next.map { [.link: "<\($0)>; rel=\"next\""] } ?? [:]
    }

    private struct ReferrersIndex: Encodable {
        let schemaVersion = 2
        let mediaType = MediaType.imageIndex
        let manifests: [Descriptor]
    }

    @Sendable func listReferrers(_ call: Call) async throws -> Response {
        let subject = try Digest(parsing: try call.capture("digest"))
        let repository = try call.repository()
        let filter = try call.query["artifactType"]
        let limit = max(try pageSize(of: call), 1)
        let page = try await registry.catalog.referrers(
            of: subject, in: repository, artifactType: filter, after: try call.query.integer("last", in: 0...Int64.max),
            limit: limit)
        let next = page.next.map { cursor in
            let type = filter.map { "&artifactType=\(PercentEncoding.encode($0))" } ?? ""
            return "/v2/\(repository)/referrers/\(subject)?n=\(limit)&last=\(cursor)\(type)"
        }
        var headers = Self.link(to: next).adding(.contentType, MediaType.imageIndex)
        if filter != nil { headers[.ociFiltersApplied] = "artifactType" }
        let body = try JSON.encodeVerbatim(ReferrersIndex(manifests: page.items))
        return .json(String(decoding: body, as: UTF8.self), headers: headers)
    }
}
