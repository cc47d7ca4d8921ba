extension Sequence where Element == Int64 {
    /// The sum, or the largest number if it does not fit: sizes in a manifest are only what someone claims.
    func saturatingSum() -> Int64 {
        reduce(0) { total, value in
            let (sum, overflow) = total.addingReportingOverflow(value)
            return overflow ? .max : sum
        }
    }
}
