import APIProtocol
package import AssayDomain
import HTTPKit
import HTTPTypes
package import Hummingbird

extension NativeAPI {
    package func response(to error: AssayError, requestID: String) -> Response {
        ProblemForm.response(to: error, requestID: requestID)
    }
}

/// The one table from codes to statuses of the native API, in the form of a problem document (RFC 9457).
enum ProblemForm {
    static func response(
        to error: AssayError, requestID: String, outcomes: [RequirementOutcome]? = nil
    ) -> Response {
        let status = status(of: error.code)
        let problem = Problem(error, status: status.code, requestID: requestID, outcomes: outcomes)
        var headers: HTTPFields = [.contentType: MediaType.problem]
        if status == .unauthorized { headers[.wwwAuthenticate] = #"Bearer realm="assay""# }
        // Encoding text, numbers and optional text cannot fail; the status alone would still tell.
        let body = (try? JSON.encode(problem)) ?? []
        return Response(status: status, headers: headers, body: .init(byteBuffer: .init(bytes: body)))
    }

    private static func status(of code: ErrorCode) -> HTTPResponse.Status {
        switch code {
        case .methodNotAllowed: .methodNotAllowed
        case .addressTooLong: .uriTooLong
        case .expectationFailed: .expectationFailed
        case .mediaTypeUnsupported: .unsupportedMediaType
        case .evaluatorUnavailable: .serviceUnavailable
        default: status(of: code.kind)
        }
    }

    private static func status(of kind: ErrorCode.Kind) -> HTTPResponse.Status {
        switch kind {
        case .invalid, .usage: .badRequest
        case .notFound: .notFound
        case .unauthenticated: .unauthorized
        case .denied: .forbidden
        case .conflict: .conflict
        case .integrity, .refused: .unprocessableContent
        case .tooLarge: .contentTooLarge
        case .range: .rangeNotSatisfiable
        case .busy: .tooManyRequests
        case .storage: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
        case .internal: .internalServerError
        }
    }
}
