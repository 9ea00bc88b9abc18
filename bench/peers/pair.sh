# Starts two programs that do one job: N, then the N words of the first, then the words of the second.
# The shell becomes the second, so the first is its child and is counted and ended with it.
count=$1
shift
first=
while [ "$count" -gt 0 ]; do
    first="$first '$1'"
    shift
    count=$((count - 1))
done
eval "$first &"
sleep 2
exec "$@"
