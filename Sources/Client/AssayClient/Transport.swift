import APIProtocol
import AssayDomain
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1

/// Sends requests to one server and turns whatever goes wrong into an `AssayError`.
struct Transport: Sendable {
    /// The most bytes of an answer that is kept in memory.
    static let answerBytesMax = 16 << 20
    /// The statuses of the API's good answers. A part of an answer, for one, is none that was asked for.
    private static let successes: Set = [200, 201, 202, 204]
    private static let errorBytesMax = 1 << 20
    /// How long a request of the API may take, and any answer that is kept in memory; blobs have only the limits on
    /// silence.
    static let answerTime = Duration.seconds(120)

    let http: HTTPClient
    let endpoint: Endpoint
    let token: AccessToken?
    let retry: RetryPolicy

    /// A request for a path, or for a location as a server gave it.
    func request(_ method: HTTPMethod, _ path: String, query: Query = [:]) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: endpoint.baseURL + path + query.text)
        request.method = method
        request.headers.add(name: "User-Agent", value: "assay")
        // A socket has no host to name, and HTTP/1.1 wants one (RFC 9112, section 3.2).
        if endpoint.isSocket { request.headers.add(name: "Host", value: "localhost") }
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token.secret)") }
        return request
    }

    /// Sends one request once, of which all is at hand; throws `server-unreachable` if no answer begins in time.
    func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let patience = retry.patience
        return try await Self.translating(endpoint, patience) {
            try await patience.awaiting {
                try await http.execute(request, deadline: .now() + patience.silenceAmount)
            }
        }
    }

    /// Sends one request once, whose body takes its time; throws `server-unreachable` if the server takes nothing of it
    /// for too long, or then answers nothing. Each piece that is handed over is a beat of the pulse.
    func send(_ request: HTTPClientRequest, pulse: UploadPulse) async throws -> HTTPClientResponse {
        let patience = retry.patience
        return try await Self.translating(endpoint, patience) {
            try await withThrowingTaskGroup(of: HTTPClientResponse.self) { group in
                group.addTask { [http] in try await http.execute(request, deadline: .distantFuture) }
                group.addTask {
                    var (seen, last) = (pulse.value, ContinuousClock.now)
                    while ContinuousClock.now - last < patience.silence {
                        try await Task.sleep(for: patience.silence / 8)
                        if pulse.value != seen { (seen, last) = (pulse.value, .now) }
                    }
                    throw HTTPClientError.deadlineExceeded
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() else { throw CancellationError() }
                return response
            }
        }
    }

    /// The body of an answer; throws `body-too-large` above the limit, `server-failed` for one that does not come to
    /// its end in time, and `server-unreachable` if it is cut.
    func body(
        of response: HTTPClientResponse, bytesMax: Int = answerBytesMax, within time: Duration = answerTime
    ) async throws -> [UInt8] {
        try await Self.translating(endpoint, retry.patience) {
            var bytes: [UInt8] = []
            var pace = Pace(retry.patience)
            let start = ContinuousClock.now
            for try await chunk in response.body {
                // A drop now and then is no silence.
                guard ContinuousClock.now - start < time else { throw Self.endless(endpoint) }
                try pace.took(chunk.readableBytes, from: endpoint)
                guard bytes.count + chunk.readableBytes <= bytesMax else {
                    throw AssayError(.bodyTooLarge, "the server's answer has over \(bytesMax) bytes")
                }
                bytes.append(contentsOf: chunk.readableBytesView)
            }
            return bytes
        }
    }

    /// Sends a request of the API and gives the body of its answer if the status is a good one.
    ///
    /// Only a request that is safe to repeat is sent again when the connection was lost.
    func call(_ request: HTTPClientRequest, isRepeatable: Bool) async throws -> (status: Int, body: [UInt8]) {
        guard isRepeatable else { return try await callOnce(request) }
        return try await retry.run { try await callOnce(request) }
    }

    private func callOnce(_ request: HTTPClientRequest) async throws -> (status: Int, body: [UInt8]) {
        let response = try await send(request)
        let status = Int(response.status.code)
        guard Self.successes.contains(status) else { throw await apiError(response) }
        return (status, try await body(of: response))
    }

    /// The error that an answer of /api tells.
    private func apiError(_ response: HTTPClientResponse) async -> any Error {
        let status = Int(response.status.code)
        do {
            return AssayError(
                try JSON.decode(Problem.self, from: try await body(of: response, bytesMax: Self.errorBytesMax)))
        } catch is CancellationError {
            return CancellationError()
        } catch {
            return AssayError(
                ErrorCode.standing(forStatus: status), "the server answered \(status) without a problem document",
                remedy: "check that \(endpoint) is an assay server")
        }
    }

    /// The error that an answer of /v2 tells.
    func ociError(_ response: HTTPClientResponse, doing action: String) async -> any Error {
        do {
            let bytes = try await body(of: response, bytesMax: Self.errorBytesMax)
            return AssayError(ociBody: bytes, status: Int(response.status.code), doing: action)
        } catch is CancellationError {
            return CancellationError()
        } catch {
            return AssayError(ociBody: [], status: Int(response.status.code), doing: action)
        }
    }

    /// Passes errors of ours and cancellation; everything else came from the connection.
    static func translating<Result>(
        _ endpoint: Endpoint, _ patience: Patience, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as AssayError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as HTTPClientError where error == .cancelled {
            throw CancellationError()
        } catch let error as HTTPClientError where [.deadlineExceeded, .readTimeout, .writeTimeout].contains(error) {
            let milliseconds = Patience.milliseconds(patience.silence)
            let time =
                milliseconds % 1000 == 0 ? "\(milliseconds / 1000)" : Figure.fixed(Double(milliseconds) / 1000, 1)
            throw AssayError(
                .serverUnreachable, "no answer from \(endpoint.shown)", reason: "it said nothing for \(time) s",
                remedy: "check that the server runs, then try again; --timeout says how long to wait", cause: error)
        } catch {
            if Task.isCancelled { throw CancellationError() }
            if let fault = TLSFault(error) { throw fault.error(at: endpoint) }
            throw AssayError(
                .serverUnreachable, "no answer from \(endpoint.shown)", reason: reason(for: error),
                remedy: remedy(at: endpoint, for: error), cause: error)
        }
    }

    /// It is not tried again: a server that answers like that would do so for hours.
    private static func endless(_ endpoint: Endpoint) -> AssayError {
        AssayError(
            .serverFailed, "the answer of \(endpoint) came to no end",
            reason: "it took over \(answerTime.components.seconds) seconds", remedy: "try again later")
    }

    /// A server that wants TLS closes a connection that begins without it, or answers in bytes that are no HTTP.
    private static func remedy(at endpoint: Endpoint, for error: any Error) -> String {
        let isAbrupt =
            (error as? IOError)?.errnoCode == ECONNRESET || error is HTTPParserError
            || (error as? HTTPClientError) == .remoteConnectionClosed
        guard isAbrupt, endpoint.isPlainHTTP else { return "check that the server runs, then try again" }
        return "check that the server runs, and write https:// if it speaks TLS, then try again"
    }

    private static func reason(for error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case is HTTPParserError: "what it sent is no HTTP"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        default: Printable.escape("\(error)")
        }
    }
}
