package import AssayDomain
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// An MLflow tracking server, as far as a push needs it: what it knows of one run.
///
/// Source: MLflow's REST API 2.0 (`runs/get`).
package struct MLflowTracking: Sendable {
    /// The environment variables that MLflow's own clients read.
    package static let uriVariable = "MLFLOW_TRACKING_URI"
    private static let tokenVariable = "MLFLOW_TRACKING_TOKEN"
    private static let userVariable = "MLFLOW_TRACKING_USERNAME"
    private static let passwordVariable = "MLFLOW_TRACKING_PASSWORD"
    private static let answerSeconds: Int64 = 60

    /// The server's address as it was given, without a slash at its end.
    package let uri: String
    private let endpoint: Endpoint
    private let path: String
    private let authorization: String?

    /// Throws `configuration-invalid` for what is no `http://` or `https://` address.
    package init(uri: String, variables: [String: String]) throws(AssayError) {
        let text = uri.hasSuffix("/") ? String(uri.dropLast()) : uri
        guard let scheme = text.range(of: "://"), text.hasPrefix("http") else {
            throw AssayError(
                .configurationInvalid, "\(Printable.quote(uri)) is not the address of an MLflow tracking server",
                remedy: "start one with: mlflow server --backend-store-uri \(Printable.quote(uri))")
        }
        let slash = text[scheme.upperBound...].firstIndex(of: "/") ?? text.endIndex
        endpoint = try Endpoint(parsing: String(text[..<slash]))
        path = String(text[slash...])
        guard path.utf8.allSatisfy({ $0.isAlphanumeric || "/-._~%".utf8.contains($0) }) else {
            throw AssayError(.configurationInvalid, "the path of \(Printable.quote(uri)) has unusual characters")
        }
        self.uri = text
        if let user = variables[Self.userVariable], let password = variables[Self.passwordVariable] {
            authorization = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
        } else {
            authorization = try variables[Self.tokenVariable]
                .map { (text) throws(AssayError) in "Bearer " + (try AccessToken(text)).secret }
        }
    }

    /// A run by its id.
    ///
    /// Throws `run-not-found`, `server-unreachable`, `unauthenticated`, and `json-invalid` for an answer that is not
    /// MLflow's.
    package func run(_ id: String) async throws -> MLflowRun {
        let query: Query = ["run_id": id]
        return try await AssayClient.withHTTP { http in
            let transport = Transport(http: http, endpoint: endpoint, token: nil, retry: RetryPolicy())
            var request = transport.request(.GET, path + "/api/2.0/mlflow/runs/get", query: query)
            if let authorization { request.headers.replaceOrAdd(name: "Authorization", value: authorization) }
            let response = try await transport.send(request)
            let body = try await transport.body(of: response)
            switch Int(response.status.code) {
            case 200: return try JSON.decodeVerbatim(MLflowRun.Answer.self, from: body).run
            case 404:
                throw AssayError(
                    .runNotFound, "there is no run \(Printable.quote(id)) at \(endpoint)",
                    remedy: "list them with: mlflow runs list --experiment-id ID")
            case let status:
                throw AssayError(
                    ErrorCode.standing(forStatus: status), "the MLflow server at \(endpoint) answered \(status)",
                    // Without MLflow's own words the status says enough.
                    reason: (try? JSON.decodeVerbatim(MLflowRun.Failure.self, from: body)).map {
                        Printable.escape($0.message)
                    })
            }
        }
    }
}

/// A training run as MLflow records it.
package struct MLflowRun: Sendable, Decodable {
    package let info: Info
    package let data: Values?
    package let inputs: Inputs?

    package struct Info: Sendable, Decodable {
        package let run_id: String
        /// Milliseconds since 1970.
        package let start_time: Int64?
        package let end_time: Int64?
    }

    package struct Values: Sendable, Decodable {
        package let metrics: [Metric]?
        package let params: [Pair]?
        package let tags: [Pair]?
    }

    package struct Pair: Sendable, Decodable {
        package let key: String
        package let value: String
    }

    package struct Metric: Sendable, Decodable {
        package let key: String
        /// Nil for what is no finite number, which MLflow writes as a text.
        package let value: Double?

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            key = try container.decode(String.self, forKey: .key)
            let number = try? container.decode(Double.self, forKey: .value)
            value = number.flatMap { $0.isFinite ? $0 : nil }
        }

        private enum CodingKeys: String, CodingKey { case key, value }
    }

    package struct Inputs: Sendable, Decodable { package let dataset_inputs: [DatasetInput]? }

    package struct DatasetInput: Sendable, Decodable {
        package let dataset: Dataset
        package let tags: [Pair]?
    }

    package struct Dataset: Sendable, Decodable {
        package let name: String
        /// MLflow's own short digest, not one of content that could be compared.
        package let digest: String
        /// JSON whose fields depend on the kind of source.
        package let source: String?
    }

    struct Answer: Decodable { let run: MLflowRun }
    struct Failure: Decodable { let message: String }
}
