FROM docker.io/library/nginx:1-alpine AS first
FROM first AS second
