import Dispatch
import HTTPTypes
import Metrics
import Synchronization

/// One timer for each method, route and status, kept because making a timer costs more than recording.
final class RequestTimers: Sendable {
    private struct Label: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private static let methods: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .patch, .delete]

    private let timers = Mutex<[Label: Metrics.Timer]>([:])

    /// Records a request that began at `start`, in nanoseconds of the system's uptime.
    func record(_ method: HTTPRequest.Method, route: String, status: Int, since start: UInt64) {
        let label = Label(
            method: Self.methods.contains(method) ? method.rawValue : "other", route: route, status: status)
        timer(label).recordNanoseconds(Int64(clamping: DispatchTime.now().uptimeNanoseconds - start))
    }

    private func timer(_ label: Label) -> Metrics.Timer {
        timers.withLock { timers in
            if let known = timers[label] { return known }
            let new = Metrics.Timer(
                label: "assay_http_request_duration_seconds",
                dimensions: [("method", label.method), ("route", label.route), ("status", "\(label.status)")])
            timers[label] = new
            return new
        }
    }
}
