package import AssayDomain
import HTTPTypes
package import Hummingbird

extension OCIFrontEnd {
    /// The error list of the specification.
    private struct ErrorList: Encodable {
        struct Entry: Encodable {
            struct Detail: Encodable {
                let code: String
                let reason: String?
                let remedy: String?
                let requestId: String
            }

            let code: String
            let message: String
            let detail: Detail
        }

        let errors: [Entry]
    }

    package func response(to error: AssayError, requestID: String) -> Response {
        let (status, code) = Self.form(of: error.code)
        let entry = ErrorList.Entry(
            code: code, message: error.message,
            detail: .init(
                code: error.code.name, reason: error.reason, remedy: error.remedy, requestId: requestID))
        // Encoding text and optional text cannot fail; an empty list would still be an error list.
        let body = (try? JSON.encode(ErrorList(errors: [entry]))) ?? Array(#"{"errors":[]}"#.utf8)
        var headers: HTTPFields = [.contentType: MediaType.json]
        if status == .unauthorized { headers[.wwwAuthenticate] = #"Basic realm="assay""# }
        return Response(status: status, headers: headers, body: .init(byteBuffer: .init(bytes: body)))
    }

    /// The one table from codes to statuses and the specification's codes.
    private static func form(of code: ErrorCode) -> (HTTPResponse.Status, String) {
        switch code {
        case .nameInvalid: (.badRequest, "NAME_INVALID")
        case .digestInvalid, .digestUnsupported, .digestMismatch: (.badRequest, "DIGEST_INVALID")
        case .sizeInvalid: (.badRequest, "SIZE_INVALID")
        case .blobUnknown: (.badRequest, "MANIFEST_BLOB_UNKNOWN")
        case .repositoryNotFound: (.notFound, "NAME_UNKNOWN")
        case .blobNotFound: (.notFound, "BLOB_UNKNOWN")
        case .uploadNotFound: (.notFound, "BLOB_UPLOAD_UNKNOWN")
        case .manifestNotFound, .versionNotFound, .aliasNotFound: (.notFound, "MANIFEST_UNKNOWN")
        case .uploadOutOfOrder, .rangeNotSatisfiable: (.rangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
        case .uploadBusy: (.conflict, "BLOB_UPLOAD_INVALID")
        case .methodNotAllowed: (.methodNotAllowed, "UNSUPPORTED")
        case .addressTooLong: (.uriTooLong, "UNSUPPORTED")
        case .expectationFailed: (.expectationFailed, "UNSUPPORTED")
        case .mediaTypeUnsupported: (.unsupportedMediaType, "UNSUPPORTED")
        case .tagInvalid, .manifestInvalid, .jsonInvalid, .metadataInvalid, .pathUnsafe:
            (.badRequest, "MANIFEST_INVALID")
        default: form(of: code.kind)
        }
    }

    private static func form(of kind: ErrorCode.Kind) -> (HTTPResponse.Status, String) {
        switch kind {
        case .invalid, .usage: (.badRequest, "UNSUPPORTED")
        case .notFound: (.notFound, "NAME_UNKNOWN")
        case .unauthenticated: (.unauthorized, "UNAUTHORIZED")
        case .denied: (.forbidden, "DENIED")
        case .conflict: (.conflict, "DENIED")
        case .integrity, .refused: (.unprocessableContent, "MANIFEST_INVALID")
        case .tooLarge: (.contentTooLarge, "SIZE_INVALID")
        case .range: (.rangeNotSatisfiable, "BLOB_UPLOAD_INVALID")
        case .busy: (.tooManyRequests, "TOOMANYREQUESTS")
        case .storage: (HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"), "UNSUPPORTED")
        case .internal: (.internalServerError, "UNSUPPORTED")
        }
    }
}
