import AssayDomain
package import AssayRegistry
package import HTTPKit
import HTTPTypes
import Hummingbird

/// OCI distribution-spec 1.1.1 over the registry: the transport of all blobs, and the door of every OCI client.
package struct OCIFrontEnd: FrontEnd {
    let registry: Registry
    private let allowsDeletes: Bool

    /// Without deletes their routes are not there; ending an upload stays.
    package init(registry: Registry, allowsDeletes: Bool) {
        self.registry = registry
        self.allowsDeletes = allowsDeletes
    }

    package var prefixes: [String] { ["/v2/", "/v2"] }

    /// The `end-` numbers are those of the specification's table of endpoints.
    package var routes: [Route] {
        [
            // end-1
            Route(.get, "/v2/", .read, isQuick: true) { _ in .json("{}") },
            Route(.get, "/v2", .read, isQuick: true) { _ in .json("{}") },
            // end-2
            Route(.get, "/v2/{name...}/blobs/{digest}", .read, isQuick: true, getBlob),
            Route(.head, "/v2/{name...}/blobs/{digest}", .read, isQuick: true, headBlob),
            // end-4a, end-4b, end-11
            Route(.post, "/v2/{name...}/blobs/uploads/", .push, isQuick: true, startUpload),
            Route(.post, "/v2/{name...}/blobs/uploads", .push, isQuick: true, startUpload),
            // end-5, end-6, end-13, end-14
            Route(.patch, "/v2/{name...}/blobs/uploads/{session}", .push, isQuick: true, appendChunk),
            Route(.put, "/v2/{name...}/blobs/uploads/{session}", .push, isQuick: true, closeUpload),
            Route(.get, "/v2/{name...}/blobs/uploads/{session}", .push, uploadStatus),
            Route(.delete, "/v2/{name...}/blobs/uploads/{session}", .push, cancelUpload),
            // end-3, end-7
            Route(.get, "/v2/{name...}/manifests/{reference}", .read, isQuick: true, getManifest),
            Route(.put, "/v2/{name...}/manifests/{reference}", .push, putManifest),
            // end-8
            Route(.get, "/v2/{name...}/tags/list", .read, isQuick: true, listTags),
            // end-12
            Route(.get, "/v2/{name...}/referrers/{digest}", .read, listReferrers),
        ] + (allowsDeletes ? deleteRoutes : [])
    }
}

extension Response {
    /// A small JSON body that is text already.
    static func json(_ text: String, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        if headers[.contentType] == nil { headers[.contentType] = MediaType.json }
        return Response(status: status, headers: headers, body: .init(byteBuffer: .init(string: text)))
    }

    static func empty(_ status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        Response(status: status, headers: headers)
    }
}

extension HTTPField.Name {
    /// The digest of the content of an answer; skopeo and oras delete by it.
    static let dockerContentDigest = constant("Docker-Content-Digest")
    static let dockerUploadUUID = constant("Docker-Upload-UUID")
    /// The digest of the subject of a manifest that was pushed.
    static let ociSubject = constant("OCI-Subject")
    static let ociFiltersApplied = constant("OCI-Filters-Applied")
    /// The number that a pushed manifest has as a version.
    static let assayVersion = constant("Assay-Version")
    /// RFC 8288.
    static let link = constant("Link")
}
