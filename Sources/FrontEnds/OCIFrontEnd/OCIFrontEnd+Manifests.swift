import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension OCIFrontEnd {
    @Sendable func getManifest(_ call: Call) async throws -> Response {
        let selector = try VersionSelector(parsing: try call.capture("reference"))
        let manifest = try await registry.catalog.manifest(selector, in: try call.repository())
        return Response(
            status: .ok,
            headers: [
                .contentType: manifest.mediaType, .dockerContentDigest: "\(manifest.digest)",
                .eTag: "\"\(manifest.digest)\"",
            ],
            body: .init(byteBuffer: .init(bytes: manifest.bytes)))
    }

    @Sendable func putManifest(_ call: Call) async throws -> Response {
        let repository = try call.repository()
        let selector = try VersionSelector(parsing: try call.capture("reference"))
        var request = Publish.Request(
            repository: repository, manifest: try await call.body(upTo: Manifest.bytesMax),
            mediaType: call.request.headers[.contentType], intent: .content)
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
        let asked = try call.query.integer("n", in: 0...Int64.max)
        let limit = Int(min(asked ?? Int64(Catalog.pageMax), Int64(Catalog.pageMax)))
        let page =
            limit == 0
            ? Page(items: [], next: nil)
            : try await registry.catalog.tags(in: repository, after: call.query["last"], limit: limit)
        var headers: HTTPFields = [:]
        if let next = page.next {
            headers[.link] = "</v2/\(repository)/tags/list?n=\(limit)&last=\(next)>; rel=\"next\""
        }
        let body = try JSON.encode(TagList(name: repository.text, tags: page.items))
        return .json(String(decoding: body, as: UTF8.self), headers: headers)
    }

    private struct ReferrersIndex: Encodable {
        let schemaVersion = 2
        let mediaType = MediaType.imageIndex
        let manifests: [Descriptor]
    }

    @Sendable func listReferrers(_ call: Call) async throws -> Response {
        let subject = try Digest(parsing: try call.capture("digest"))
        let filter = call.query["artifactType"]
        let referrers = try await registry.catalog.referrers(
            of: subject, in: try call.repository(), artifactType: filter)
        var headers: HTTPFields = [.contentType: MediaType.imageIndex]
        if filter != nil { headers[.ociFiltersApplied] = "artifactType" }
        let body = try JSON.encodeVerbatim(ReferrersIndex(manifests: referrers))
        return .json(String(decoding: body, as: UTF8.self), headers: headers)
    }
}
