import AssayCrypto
import AssayDomain
import NIOHTTP1
import Synchronization

/// The blob routes of a registry in memory, with faults that a test asks for.
final class StubRegistry: StubBehaviour {
    struct State {
        var blobs: [String: [UInt8]] = [:]
        /// Blobs that stand in another repository: a mount finds them, a HEAD does not.
        var mountable: [String: [UInt8]] = [:]
        var uploads: [String: [UInt8]] = [:]
        /// Byte counts after which the next uploads are cut, one each.
        var uploadCuts: [Int] = []
        /// Byte counts after which the next downloads are cut, one each.
        var downloadCuts: [Int] = []
        /// Whether the client has taken something of what is cut; nil where nobody tells.
        var isTaken: Bool?
        /// Whether downloads have a wrong byte at their end.
        var isLying = false
        /// Bytes of all bodies that PATCH and PUT brought.
        var receivedBytes = 0
        var requests: [String] = []
        var ranges: [String] = []
    }

    let state = Mutex(State())

    func bodyLimit(of head: HTTPRequestHead) -> Int? {
        guard head.method == .PATCH || head.method == .PUT else { return nil }
        return state.withLock { $0.uploadCuts.first }
    }

    func answer(_ request: StubRequest) -> StubAnswer {
        state.withLock { state in
            state.requests.append("\(request.method) \(request.uri)")
            let path = request.uri.split(separator: "?").first.map(String.init) ?? ""
            let last = path.split(separator: "/").last.map(String.init) ?? ""
            switch (request.method, path.contains("/blobs/uploads/")) {
            case (.POST, true): return Self.begin(request, &state)
            case (.GET, true): return Self.tell(last, &state)
            case (.PATCH, true): return Self.append(last, request, &state)
            case (.PUT, true): return Self.finish(last, request, &state)
            case (.DELETE, true):
                state.uploads[last] = nil
                return StubAnswer(status: .noContent)
            default:
                var answer = Self.blob(last, request, &state)
                answer.isTaken = { self.state.withLock { $0.isTaken ?? true } }
                return answer
            }
        }
    }

    private static func begin(_ request: StubRequest, _ state: inout State) -> StubAnswer {
        let digest = query("mount", of: request.uri)
        if let bytes = state.mountable[digest] {
            state.blobs[digest] = bytes
            return StubAnswer(status: .created)
        }
        let id = "u\(state.requests.count)"
        state.uploads[id] = []
        return StubAnswer(status: .accepted, headers: location(id, count: 0))
    }

    private static func tell(_ id: String, _ state: inout State) -> StubAnswer {
        guard let bytes = state.uploads[id] else { return StubAnswer(status: .notFound) }
        return StubAnswer(status: .noContent, headers: location(id, count: bytes.count))
    }

    private static func append(_ id: String, _ request: StubRequest, _ state: inout State) -> StubAnswer {
        state.receivedBytes += request.body.count
        guard let bytes = state.uploads[id] else { return StubAnswer(status: .notFound) }
        let start = request.headers.first(name: "Content-Range").flatMap { Int($0.split(separator: "-")[0]) }
        guard start == nil || start == bytes.count else {
            return StubAnswer(status: .rangeNotSatisfiable, headers: location(id, count: bytes.count))
        }
        state.uploads[id] = bytes + request.body
        if !state.uploadCuts.isEmpty { state.uploadCuts.removeFirst() }
        return StubAnswer(status: .accepted, headers: location(id, count: bytes.count + request.body.count))
    }

    private static func finish(_ id: String, _ request: StubRequest, _ state: inout State) -> StubAnswer {
        state.receivedBytes += request.body.count
        guard let start = state.uploads[id] else { return StubAnswer(status: .notFound) }
        let bytes = start + request.body
        let digest = query("digest", of: request.uri)
        guard Digest.sha256(of: bytes).description == digest else {
            return StubAnswer(
                status: .badRequest, body: Array(#"{"errors":[{"code":"DIGEST_INVALID","message":"other"}]}"#.utf8))
        }
        state.uploads[id] = nil
        state.blobs[digest] = bytes
        return StubAnswer(status: .created)
    }

    private static func blob(_ digest: String, _ request: StubRequest, _ state: inout State) -> StubAnswer {
        guard var bytes = state.blobs[digest] else { return StubAnswer(status: .notFound) }
        if state.isLying, !bytes.isEmpty { bytes[bytes.count - 1] ^= 1 }
        guard request.method == .GET else {
            return StubAnswer(headers: ["Content-Length": "\(bytes.count)"])
        }
        var answer = StubAnswer(body: bytes)
        if let range = request.headers.first(name: "Range"), let start = Int(range.dropFirst(6).dropLast(1)) {
            state.ranges.append(range)
            answer.status = .partialContent
            answer.body = Array(bytes[start...])
            answer.headers.add(name: "Content-Range", value: "bytes \(start)-\(bytes.count - 1)/\(bytes.count)")
        }
        if !state.downloadCuts.isEmpty { answer.cutAfter = state.downloadCuts.removeFirst() }
        return answer
    }

    private static func location(_ id: String, count: Int) -> HTTPHeaders {
        ["Location": "/v2/team/model/blobs/uploads/\(id)", "Range": "0-\(max(0, count - 1))"]
    }

    private static func query(_ name: String, of uri: String) -> String {
        let pairs = uri.split(separator: "?").last?.split(separator: "&") ?? []
        let value = pairs.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.count + 1) ?? ""
        return String(value).replacing("%3A", with: ":")
    }
}
